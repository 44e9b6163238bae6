//! The packages on real systems: dpkg and rpm install, upgrade and remove them in clean roots, a real libvirtd of such a root
//! starts guests with them, and the tools of `AppArmor` and `SELinux` check what their policies allow. Does:
//! needs root, the packages (`make packages`) and the roots (tests/packages/roots); a missing one fails every test. Each run
//! leaves a table of what it did, which tests/packages/table prints.

mod built;
mod existing;
mod proof;

mod deb;
mod guest;
mod images;
mod libvirt;
mod materials;
mod policies;
mod rpm;
mod tarball;
