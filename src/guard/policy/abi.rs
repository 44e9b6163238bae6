//! `guest-abi = "keep"`: what the guest sees as its hardware. Comes in: a difference; goes out: the row that forbids it.
//! Pure.
//!
//! The rows follow `virDomainDefCheckABIStabilityFlags` in libvirt's `src/conf/domain_conf.c` (9.0.0), which libvirt runs
//! for a migration and a restore, and name the function that compares the field. It sees parsed values and we see the
//! text, so that this is stricter where one thing can be written in two ways (`<memory>` in KiB or MiB, an attribute's
//! default written out). Where libvirt compares nothing and the guest would see a change all the same (firmware, USB and
//! CCW addresses, boot order, SMBIOS), the row says so. Like libvirt's own check for a migration
//! (`VIR_DOMAIN_DEF_ABI_CHECK_SKIP_VOLATILE`), it leaves `<currentMemory>` out.

use std::sync::LazyLock;

use crate::guard::diff::change::{Difference, Kind};
use crate::guard::diff::path::Pattern;
use crate::guard::policy::touches;

const FLAGS: &str = "virDomainDefCheckABIStabilityFlags";
const INFO: &str = "virDomainDeviceInfoCheckABIStability";
const VIRTIO: &str = "virDomainVirtioOptionsCheckABIStability";
const CPU: &str = "virCPUDefIsEqual";
const NUMA: &str = "virDomainNumaCheckABIStability";
const DISK: &str = "virDomainDiskDefCheckABIStability";
const CONTROLLER: &str = "virDomainControllerDefCheckABIStability";
const SERIAL: &str = "virDomainSerialDefCheckABIStability";
const CHANNEL: &str = "virDomainChannelDefCheckABIStability";
const VIDEO: &str = "virDomainVideoDefCheckABIStability";
const MEMORY: &str = "virDomainMemoryDefCheckABIStability";
const SHMEM: &str = "virDomainShmemDefCheckABIStability";
const IOMMU: &str = "virDomainIOMMUDefCheckABIStability";
const TPM: &str = "virDomainTPMDefCheckABIStability";
const BALLOON: &str = "virDomainMemballoonDefCheckABIStability";
const OURS: &str = "the guest sees it, though libvirt does not compare it";

/// These and everything below them stay as they are.
const KEPT: &[(&str, &str)] = &[
    ("/domain/@type", FLAGS),
    ("/domain/name", FLAGS),
    ("/domain/uuid", FLAGS),
    ("/domain/genid", FLAGS),
    ("/domain/memory", "virDomainMemtuneCheckABIStability"),
    ("/domain/maxMemory", "virDomainMemtuneCheckABIStability"),
    ("/domain/memoryBacking/source", "qemuDomainABIStabilityCheck"),
    ("/domain/vcpu/text()", "virDomainDefVcpuCheckAbiStability"),
    ("/domain/vcpu/@current", "virDomainDefVcpuCheckAbiStability"),
    ("/domain/vcpus", "virDomainDefVcpuCheckAbiStability"),
    ("/domain/os/type", FLAGS),
    ("/domain/os/smbios", FLAGS),
    ("/domain/os/@firmware", OURS),
    ("/domain/os/firmware", OURS),
    ("/domain/os/loader", OURS),
    ("/domain/os/varstore", OURS),
    ("/domain/os/acpi", OURS),
    ("/domain/sysinfo", "virSysinfoIsEqual"),
    ("/domain/features", "virDomainDefFeaturesCheckABIStability"),
    ("/domain/clock/timer", "virDomainTimerDefCheckABIStability"),
    ("/domain/clock/@offset", OURS),
    ("/domain/launchSecurity/@type", OURS),
    ("/domain/cpu/@mode", CPU),
    ("/domain/cpu/@check", CPU),
    ("/domain/cpu/@match", OURS),
    ("/domain/cpu/arch", CPU),
    ("/domain/cpu/model/text()", CPU),
    ("/domain/cpu/model/@vendor_id", CPU),
    ("/domain/cpu/vendor", CPU),
    ("/domain/cpu/topology", CPU),
    ("/domain/cpu/cache", CPU),
    ("/domain/cpu/maxphysaddr", CPU),
    ("/domain/cpu/feature", CPU),
    ("/domain/cpu/numa/cell/@id", NUMA),
    ("/domain/cpu/numa/cell/@cpus", NUMA),
    ("/domain/cpu/numa/cell/@memory", NUMA),
    ("/domain/cpu/numa/cell/@unit", NUMA),
    ("/domain/cpu/numa/cell/distances", NUMA),
    ("/domain/devices/*/address", INFO),
    ("/domain/devices/*/acpi", INFO),
    ("/domain/devices/*/boot", OURS),
    ("/domain/devices/*/driver/@iommu", VIRTIO),
    ("/domain/devices/*/driver/@ats", VIRTIO),
    ("/domain/devices/*/driver/@packed", VIRTIO),
    ("/domain/devices/*/driver/@page_per_vq", VIRTIO),
    ("/domain/devices/disk/@device", DISK),
    ("/domain/devices/disk/@model", DISK),
    ("/domain/devices/disk/target", DISK),
    ("/domain/devices/disk/serial", DISK),
    ("/domain/devices/disk/wwn", DISK),
    ("/domain/devices/disk/readonly", DISK),
    ("/domain/devices/disk/driver/@queues", DISK),
    ("/domain/devices/disk/driver/@queue_size", DISK),
    ("/domain/devices/disk/blockio", OURS),
    ("/domain/devices/disk/geometry", OURS),
    ("/domain/devices/disk/vendor", OURS),
    ("/domain/devices/disk/product", OURS),
    ("/domain/devices/controller/@type", CONTROLLER),
    ("/domain/devices/controller/@index", CONTROLLER),
    ("/domain/devices/controller/@model", CONTROLLER),
    ("/domain/devices/controller/@ports", CONTROLLER),
    ("/domain/devices/controller/@vectors", CONTROLLER),
    ("/domain/devices/controller/model", OURS),
    ("/domain/devices/controller/target", OURS),
    ("/domain/devices/filesystem/@model", "virDomainFsDefCheckABIStability"),
    ("/domain/devices/filesystem/target", "virDomainFsDefCheckABIStability"),
    ("/domain/devices/filesystem/readonly", "virDomainFsDefCheckABIStability"),
    ("/domain/devices/interface/mac", "virDomainNetDefCheckABIStability"),
    ("/domain/devices/interface/model", "virDomainNetDefCheckABIStability"),
    ("/domain/devices/interface/mtu", "virDomainNetDefCheckABIStability"),
    ("/domain/devices/input/@type", "virDomainInputDefCheckABIStability"),
    ("/domain/devices/input/@bus", "virDomainInputDefCheckABIStability"),
    ("/domain/devices/input/@model", "virDomainInputDefCheckABIStability"),
    ("/domain/devices/sound/@model", "virDomainSoundDefCheckABIStability"),
    ("/domain/devices/sound/codec", OURS),
    ("/domain/devices/video/model", VIDEO),
    ("/domain/devices/hostdev/@mode", "virDomainHostdevDefCheckABIStability"),
    ("/domain/devices/hostdev/@type", "virDomainHostdevDefCheckABIStability"),
    ("/domain/devices/hostdev/@model", OURS),
    ("/domain/devices/serial/target", SERIAL),
    ("/domain/devices/parallel/target", "virDomainParallelDefCheckABIStability"),
    ("/domain/devices/channel/target/@type", CHANNEL),
    ("/domain/devices/channel/target/@name", CHANNEL),
    ("/domain/devices/channel/target/@address", CHANNEL),
    ("/domain/devices/channel/target/@port", CHANNEL),
    ("/domain/devices/console/target/@type", "virDomainConsoleDefCheckABIStability"),
    ("/domain/devices/watchdog/@model", "virDomainWatchdogDefCheckABIStability"),
    ("/domain/devices/memballoon/@model", BALLOON),
    ("/domain/devices/memballoon/@autodeflate", BALLOON),
    ("/domain/devices/memballoon/@freePageReporting", BALLOON),
    ("/domain/devices/rng/@model", "virDomainRNGDefCheckABIStability"),
    ("/domain/devices/hub/@type", "virDomainHubDefCheckABIStability"),
    ("/domain/devices/redirdev/@bus", "virDomainRedirdevDefCheckABIStability"),
    ("/domain/devices/redirdev/@type", "virDomainRedirdevDefCheckABIStability"),
    ("/domain/devices/redirfilter", "virDomainRedirFilterDefCheckABIStability"),
    ("/domain/devices/panic/@model", "virDomainPanicDefCheckABIStability"),
    ("/domain/devices/shmem/@role", SHMEM),
    ("/domain/devices/shmem/model", SHMEM),
    ("/domain/devices/shmem/size", SHMEM),
    ("/domain/devices/shmem/server/@enabled", SHMEM),
    ("/domain/devices/shmem/msi", SHMEM),
    ("/domain/devices/tpm/@model", TPM),
    ("/domain/devices/tpm/backend/@type", TPM),
    ("/domain/devices/tpm/backend/@version", TPM),
    ("/domain/devices/tpm/backend/active_pcr_banks", TPM),
    ("/domain/devices/memory/@model", MEMORY),
    ("/domain/devices/memory/uuid", MEMORY),
    ("/domain/devices/memory/target", MEMORY),
    ("/domain/devices/memory/source/alignsize", MEMORY),
    ("/domain/devices/memory/source/pmem", MEMORY),
    ("/domain/devices/memory/alias", "qemuDomainABIStabilityCheck"),
    ("/domain/devices/iommu/@model", IOMMU),
    ("/domain/devices/iommu/driver", IOMMU),
    ("/domain/devices/vsock/@model", "virDomainVsockDefCheckABIStability"),
    ("/domain/devices/vsock/cid", OURS),
    ("/domain/devices/nvram", OURS),
];

/// As many of these, in this order: libvirt compares the first with the first, and what is there once with its absence.
const COUNTED: &[&str] = &[
    "/domain/cpu",
    "/domain/cpu/numa/cell",
    "/domain/devices/disk",
    "/domain/devices/controller",
    "/domain/devices/filesystem",
    "/domain/devices/interface",
    "/domain/devices/input",
    "/domain/devices/sound",
    "/domain/devices/video",
    "/domain/devices/hostdev",
    "/domain/devices/smartcard",
    "/domain/devices/serial",
    "/domain/devices/parallel",
    "/domain/devices/channel",
    "/domain/devices/console",
    "/domain/devices/hub",
    "/domain/devices/redirdev",
    "/domain/devices/watchdog",
    "/domain/devices/memballoon",
    "/domain/devices/rng",
    "/domain/devices/panic",
    "/domain/devices/shmem",
    "/domain/devices/tpm",
    "/domain/devices/memory",
    "/domain/devices/iommu",
    "/domain/devices/vsock",
];

/// A row as a pattern, with the reason.
type Row = (Pattern, &'static str);

/// Paths that do not parse would be lost here: a test counts them.
static ROWS: LazyLock<(Vec<Row>, Vec<Pattern>)> = LazyLock::new(|| {
    let kept = KEPT.iter().filter_map(|&(path, row)| Some((path.parse().ok()?, row))).collect();
    let counted = COUNTED.iter().filter_map(|path| path.parse().ok()).collect();
    (kept, counted)
});

/// The function of libvirt's that would compare what has changed, or why it is kept all the same.
pub(crate) fn row_against(difference: &Difference<'_, '_>) -> Option<&'static str> {
    let (kept, counted) = &*ROWS;
    let appears = match difference.kind {
        Kind::Changed => false,
        Kind::Added | Kind::Removed => true,
        Kind::Moved => difference.among_its_kind,
    };
    if appears && counted.iter().any(|pattern| pattern.is(difference.place) || within(pattern, difference)) {
        return Some(FLAGS);
    }
    kept.iter().find(|(pattern, _)| touches(pattern, difference)).map(|&(_, row)| row)
}

/// Is something that counts inside of what was added or removed?
fn within(pattern: &Pattern, difference: &Difference<'_, '_>) -> bool {
    difference.kind != Kind::Moved && touches(pattern, difference) && !pattern.covers(difference.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_path() {
        assert_eq!((ROWS.0.len(), ROWS.1.len()), (KEPT.len(), COUNTED.len()));
    }
}
