//! Times as people read and write them. In: a time, or what was typed for one. Out: the other, in local time or UTC. Reads
//! /etc/localtime, or what `TZ` names.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tz::TimeZone;

const DAY: Duration = Duration::from_hours(24);

/// A time zone.
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
        let text = humantime::format_rfc3339_seconds(self.shifted(time)).to_string();
        format!("{}{}", text.trim_end_matches('Z').replace('T', " "), self.suffix)
    }

    /// Writes the time of day alone.
    pub(crate) fn time_of_day(&self, time: SystemTime) -> String {
        self.moment(time).split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Reads a time in the past: how long ago, a time of day, a day, or both.
    ///
    /// # Errors
    /// A sentence that lists the accepted forms.
    pub(crate) fn parse(&self, text: &str, now: SystemTime) -> Result<SystemTime, String> {
        if let Ok(ago) = humantime::parse_duration(text) {
            return now.checked_sub(ago).ok_or_else(|| "that is before the year 1970".to_owned());
        }
        let midnight = self.moment(now).split(' ').next().map(|day| self.civil(&format!("{day} 00:00:00")));
        let today = midnight.flatten().unwrap_or(now);
        let day_before = |time: SystemTime| time.checked_sub(DAY).unwrap_or(time);
        let time_of_day = |text: &str| {
            let day = self.moment(now).split(' ').next().map(str::to_owned)?;
            let time = self.civil(&format!("{day} {text}")).or_else(|| self.civil(&format!("{day} {text}:00")))?;
            Some(if time > now { day_before(time) } else { time })
        };
        let found = match text {
            "today" => Some(today),
            "yesterday" => Some(day_before(today)),
            _ if text.ends_with('Z') => humantime::parse_rfc3339_weak(text).ok(),
            _ => self.civil(text).or_else(|| self.civil(&format!("{text} 00:00:00"))).or_else(|| time_of_day(text)),
        };
        found.ok_or_else(|| {
            "expected how long ago (90s, 2h, 1day), 16:03, today, yesterday, or a time (2026-11-21, '2026-11-21 05:30:00')"
                .to_owned()
        })
    }

    /// Returns the time that clocks in this zone show as `text`.
    fn civil(&self, text: &str) -> Option<SystemTime> {
        let shown = humantime::parse_rfc3339_weak(text).ok()?;
        // The offset depends on the time itself: two steps find it, except in an hour that a clock change leaves out.
        let first = self.back(shown, shown);
        Some(self.back(shown, first))
    }

    fn offset(&self, time: SystemTime) -> i32 {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let kind = self.zone.find_local_time_type(i64::try_from(seconds).unwrap_or(i64::MAX));
        kind.map_or(0, tz::LocalTimeType::ut_offset)
    }

    fn shifted(&self, time: SystemTime) -> SystemTime {
        moved(time, i64::from(self.offset(time)))
    }

    fn back(&self, shown: SystemTime, at: SystemTime) -> SystemTime {
        moved(shown, i64::from(self.offset(at)).saturating_neg())
    }
}

fn moved(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let moved = if seconds < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    // Before 1970, humantime has nothing to print.
    moved.filter(|moved| *moved >= UNIX_EPOCH).unwrap_or(time)
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
