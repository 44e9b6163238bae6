//! docs/performance.md. In: tables. Out: the page with the tables between two lines; the rest of it is written by hand. Does.

use std::fs;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");

const FROM: &str = "<!-- `make bench` writes from here -->\n";
const TO: &str = "<!-- to here -->\n";

pub fn write(machine: &str, sections: &[(&str, String)]) {
    let mut measured = format!("\n{machine}\n\n");
    for (title, table) in sections {
        measured += &format!("## {title}\n\n{table}\n");
    }
    println!("{measured}");
    let page = fs::read_to_string(PAGE).unwrap();
    let (head, rest) = page.split_once(FROM).expect("where the tables begin");
    let (_, tail) = rest.split_once(TO).expect("where the tables end");
    fs::write(PAGE, [head, FROM, &measured, TO, tail].concat()).unwrap();
}
