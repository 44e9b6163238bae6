//! The built binary, and everything that can go wrong around it. Each test has its own root, and its own namespace where it
//! needs one; the time bounds only catch hangs.
//!
//! `docs/safety.md` lists the effect of each trouble on the guest, with the test that proves it. By kind:
//!
//! | trouble | here | in `tests/hook` |
//! |---|---|---|
//! | fork bombs, no process left | `resources` | |
//! | descriptors closed, duplicated, read by their writer | `outputs` | `children`, `odd` (the caller's) |
//! | writes after exit, a grandchild keeps pipes open | `outputs` | `children`, `filters` |
//! | fills stderr and hangs, never reads, never ends | `outputs` | `limits`, `children`, `filters` |
//! | stops itself, leaves its group, daemonises, ignores SIGTERM | `endings` | `limits` |
//! | replaced, deleted, a FIFO, noexec, set-uid, 0 bytes, links | `files` | `order`, `odd`, `answers` |
//! | ENOSPC, EMFILE, ENOMEM, EAGAIN, E2BIG, EFBIG | `resources`, `places` | `odd` (/dev/full) |
//! | no /proc, /dev, /run; a read-only root; another clock | `places` | `standalone` |
//! | hookmux killed, 1,000 times; never half a document | `killed` | `children`, `background` |
//! | another user's ACL, mask, link, lock | `other_users` | |
//! | memory | `memory` | |
//! | systemd refuses, hangs, replies wrongly, has ended | `scopes` | |
//! | thousands of scripts, or of guests | `scale` | |

mod documented;
mod endings;
mod files;
mod killed;
mod memory;
mod other_users;
mod outputs;
mod places;
mod resources;
mod scale;
mod scopes;
mod settings;
mod waiting;
