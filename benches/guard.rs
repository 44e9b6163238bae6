//! Measures how long the guard takes for 16 MiB of domain XML, compared with quick-xml reading it with namespaces and checked
//! attributes. Prints the ratios and fails when a check takes twice as long as that, or longer: `cargo bench --bench guard`.
//! Does: reads the clock.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hookmux::guard::{Guest, Policy, Which, check, read};
use quick_xml::events::Event;
use quick_xml::{NsReader, Reader};

const SIZE: usize = 16 << 20;

/// The largest ratio of the time of a check to that of reading.
const MAX_RATIO: f64 = 2.0;

/// Each time is the best of this many, because the machine has other load.
const ROUNDS: usize = 40;

const GUEST: Guest<'_> = Guest { driver: "qemu", object: b"net-vm" };

fn main() -> ExitCode {
    let document = document();
    let same = document.clone();
    let changed = document.replacen("vnet1", "vnet2", 1);
    let last = document.rfind("vnet1").unwrap();
    let changed_late = format!("{}vnet2{}", &document[..last], &document[last + 5..]);
    let may_change =
        Policy { may_change: Some(vec!["/domain/devices/interface".parse().unwrap()]), keep_guest_abi: true };
    let free = Policy::default();

    let mut rows: [Row<'_>; 7] = [
        Row::new("quick-xml reads it", || reading(&document)),
        Row::new("quick-xml reads it, its namespaces and its attributes", || reading_attributes(&document)),
        Row::new("well-formed, and in a tree", || usize::from(read(document.as_bytes(), Which::After).is_ok())),
        Row::new("the same bytes", || checked(&document, &same, &free)),
        Row::new("made from nothing", || checked("", &document, &free)),
        Row::new("one change near the start (reads both)", || checked(&document, &changed, &free)),
        Row::new("one change near the end, with rules (reads both)", || checked(&document, &changed_late, &may_change)),
    ];
    for _ in 0..ROUNDS {
        // Alternately, so that other load of the machine affects all of them.
        rows.iter_mut().for_each(Row::run);
    }
    let reading = rows[1].best.as_secs_f64();
    println!("{} bytes of domain XML", document.len());
    for row in &rows {
        println!("{:6.2}  {:8.2} ms  {}", row.best.as_secs_f64() / reading, row.best.as_secs_f64() * 1e3, row.what);
    }
    if rows[2].best.as_secs_f64() < reading * MAX_RATIO { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A function to measure, and its best time so far.
struct Row<'a> {
    what: &'static str,
    work: Box<dyn Fn() -> usize + 'a>,
    best: Duration,
}

impl<'a> Row<'a> {
    fn new(what: &'static str, work: impl Fn() -> usize + 'a) -> Self {
        Self { what, work: Box::new(work), best: Duration::MAX }
    }

    fn run(&mut self) {
        let start = Instant::now();
        black_box((self.work)());
        self.best = self.best.min(start.elapsed());
    }
}

/// Returns a real guest's XML, with its devices repeated until it is long enough.
fn document() -> String {
    let guest = include_str!("../tests/fixtures/xml/qemu-started.xml");
    let start = guest.find("  <devices>\n").unwrap() + "  <devices>\n".len();
    let end = guest.find("  </devices>").unwrap();
    let devices = &guest[start..end];
    [&guest[..start], &devices.repeat(SIZE / devices.len()), &guest[end..]].concat()
}

fn reading(document: &str) -> usize {
    let mut reader = Reader::from_reader(document.as_bytes());
    let mut events = 0;
    while !matches!(reader.read_event().unwrap(), Event::Eof) {
        events += 1;
    }
    events
}

fn reading_attributes(document: &str) -> usize {
    let mut reader = NsReader::from_str(document);
    let mut length = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return length,
            Event::Start(tag) | Event::Empty(tag) => {
                length += tag.attributes().map(|attribute| attribute.unwrap().value.len()).sum::<usize>();
            }
            _ => {}
        }
    }
}

fn checked(before: &str, after: &str, policy: &Policy) -> usize {
    check(before.as_bytes(), black_box(after.as_bytes()), GUEST, policy).unwrap().list.len()
}
