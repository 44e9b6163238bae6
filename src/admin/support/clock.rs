//! Times as people read and write them. In: a time, or what was typed for one. Out: the other, in local time or UTC. Reads
//! /etc/localtime, or what `TZ` names.

use std::time::{Duration, SystemTime};

use tz::{DateTime, TimeZone, TimeZoneRef, UtcDateTime};

const DAY: Duration = Duration::from_hours(24);

#[derive(Debug, Clone)]
pub(crate) struct Clock {
    zone: TimeZone,
    suffix: &'static str,
}

impl Clock {
    /// Returns universal time, which is marked as such.
    pub(crate) fn utc() -> Self {
        Self { zone: TimeZone::utc(), suffix: " UTC" }
    }

    /// Returns local time; universal time if the zone cannot be read.
    pub(crate) fn local() -> Self {
        let named = std::env::var("TZ").ok().filter(|name| !name.is_empty());
        let zone = named.map_or_else(TimeZone::local, |name| TimeZone::from_posix_tz(&name));
        zone.map_or_else(|_| Self::utc(), |zone| Self { zone, suffix: "" })
    }

    /// Writes a time to the second: `2026-11-21 16:03:00`.
    pub(crate) fn moment(&self, time: SystemTime) -> String {
        let [day, time_of_day] = self.shown(time);
        format!("{day} {time_of_day}{}", self.suffix)
    }

    pub(crate) fn time_of_day(&self, time: SystemTime) -> String {
        let [_, time_of_day] = self.shown(time);
        time_of_day
    }

    /// Reads a time in the past: how long ago, a time of day, a day, or both.
    pub(crate) fn parse(&self, text: &str, now: SystemTime) -> Result<SystemTime, String> {
        if let Ok(ago) = humantime::parse_duration(text) {
            return now.checked_sub(ago).ok_or_else(|| "that is before the year 1970".to_owned());
        }
        let [today, _] = self.shown(now);
        let at = |day: &str, time: &str| self.civil(&format!("{day} {time}"));
        let day_before = |time: SystemTime| time.checked_sub(DAY);
        let found = match text {
            "today" => at(&today, "00:00:00"),
            "yesterday" => at(&today, "00:00:00").and_then(day_before),
            _ if text.ends_with('Z') => humantime::parse_rfc3339_weak(text).ok(),
            _ => self.civil(text).or_else(|| at(text, "00:00:00")).or_else(|| {
                let time = at(&today, text).or_else(|| at(&today, &format!("{text}:00")))?;
                if time > now { day_before(time) } else { Some(time) }
            }),
        };
        found.ok_or_else(|| {
            "expected how long ago (90s, 2h, 1day), 16:03, today, yesterday, or a time (2026-11-21, '2026-11-21 05:30:00')"
                .to_owned()
        })
    }

    /// Returns the day and the time of day that clocks in this zone show; universal time where the zone does not go so far.
    fn shown(&self, time: SystemTime) -> [String; 2] {
        let project =
            |time: UtcDateTime| time.project(self.zone.as_ref()).or_else(|_| time.project(TimeZoneRef::utc()));
        let shown = UtcDateTime::try_from(time).and_then(project);
        // `2026-11-21T16:03:00.000000000+01:00`
        let text = shown.map(|shown| shown.to_string()).unwrap_or_default();
        let mut parts = text.split(['T', '.']).map(str::to_owned);
        [parts.next().unwrap_or_default(), parts.next().unwrap_or_default()]
    }

    /// Returns the first time at which clocks in this zone show `text`; of an hour that a clock change leaves out, its end.
    fn civil(&self, text: &str) -> Option<SystemTime> {
        let shown = UtcDateTime::try_from(humantime::parse_rfc3339_weak(text).ok()?).ok()?;
        let (year, month, day) = (shown.year(), shown.month(), shown.month_day());
        let (hour, minute, second) = (shown.hour(), shown.minute(), shown.second());
        let found = DateTime::find(year, month, day, hour, minute, second, 0, self.zone.as_ref()).ok()?;
        found.earliest().map(SystemTime::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_written_as_the_zones_clocks_show_it() {
        let zone = |name: &str| Clock { zone: TimeZone::from_posix_tz(name).unwrap(), suffix: "" };
        let (berlin, utc) = (zone("CET-1CEST,M3.5.0,M10.5.0/3"), Clock::utc());
        let now = humantime::parse_rfc3339("2026-07-11T10:00:00Z").unwrap();
        let rows = [
            (&utc, "1day", Some("2026-07-10 10:00:00 UTC")),
            (&utc, "2h 30min", Some("2026-07-11 07:30:00 UTC")),
            (&utc, "09:03", Some("2026-07-11 09:03:00 UTC")),
            (&utc, "10:00:01", Some("2026-07-10 10:00:01 UTC")),
            (&utc, "today", Some("2026-07-11 00:00:00 UTC")),
            (&berlin, "yesterday", Some("2026-07-09 22:00:00 UTC")),
            (&berlin, "12:00", Some("2026-07-11 10:00:00 UTC")),
            (&berlin, "2026-01-05", Some("2026-01-04 23:00:00 UTC")),
            (&berlin, "2026-01-05 05:30:00", Some("2026-01-05 04:30:00 UTC")),
            (&berlin, "2026-01-05T05:30:00Z", Some("2026-01-05 05:30:00 UTC")),
            (&berlin, "tomorrow", None),
            (&berlin, "", None),
        ];
        for (clock, text, expected) in rows {
            let read = clock.parse(text, now).ok();
            assert_eq!(read.map(|time| utc.moment(time)).as_deref(), expected, "{text}");
        }
        let shown = (berlin.moment(now), berlin.time_of_day(now), utc.time_of_day(now));
        assert_eq!(shown, ("2026-07-11 12:00:00".into(), "12:00:00".into(), "10:00:00".into()));
    }
}
