//! hookmux: one hook for libvirt that runs many scripts and gives one answer.
