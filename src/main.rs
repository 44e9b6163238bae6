//! The only door: reads the words, hands them on, writes the answer.
fn main() {}
