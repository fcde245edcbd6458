#include "cli/doctor_advice.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "cli/output.h"

namespace tenure::cli {
namespace {

using Findings = std::vector<Finding>;
constexpr std::uint64_t kFreeBytesLow = 256ull << 20;  // a few segments of the largest size and their spares
constexpr std::uint64_t kSegmentsMany = 64;
constexpr std::uint64_t kTakeoversMany = 2;
constexpr char kTakeover[] = "the time to live (1 s, unless the programs set commit_ttl_ms)";

void Warn(Findings& findings, std::string text, std::string remedy) {
  findings.push_back({Finding::Kind::kWarning, std::move(text), std::move(remedy)});
}
void Note(Findings& findings, std::string text, std::string remedy) {
  findings.push_back({Finding::Kind::kNote, std::move(text), std::move(remedy)});
}

std::string Count(std::uint64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}
std::string Process(std::uint32_t pid) { return pid == 0 ? "a process" : "process " + std::to_string(pid); }
std::string GoOnOrEnd(std::uint32_t pid) {
  const std::string id = std::to_string(pid);
  return "let it go on with 'kill -CONT " + id + "', or end it with 'kill -9 " + id + "'";
}

const MemberDiagnosis* MemberIn(const StoreDiagnosis& d, std::optional<std::uint32_t> slot) {
  for (const MemberDiagnosis& member : d.members) {
    if (member.slot == slot) return &member;
  }
  return nullptr;
}

std::string ProcessesOf(const StoreDiagnosis& d) {
  std::string pids;
  std::size_t named = 0;
  for (const MemberDiagnosis& member : d.members) {
    if (member.pid == 0) continue;
    pids += (pids.empty() ? "" : ", ") + std::to_string(member.pid);
    ++named;
  }
  if (named == 0) return "the processes that hold members.lock ('lsof' shows them to root)";
  return (named == 1 ? "process " : "the processes ") + pids + (named < d.members.size() ? " and others" : "");
}

void AdviseOnSharedMemory(const StoreDiagnosis& d, Findings& findings) {
  if (d.held_exclusively) {
    Note(findings, Process(d.exclusive_pid) + " has the store to itself: it recovers or repairs it, nobody can join",
         "wait for it; everybody who opens the store waits a few seconds by himself");
  }
  if (d.shared_memory == SharedMemoryState::kSound) return;
  if (d.shared_memory == SharedMemoryState::kUnreadable) {
    Note(findings, "shared memory cannot be looked at: " + d.shared_memory_problem,
         "run doctor as a user who may write the store to see members and queues; snapshot reads work");
    return;
  }
  const std::string what =
      d.shared_memory == SharedMemoryState::kMissing ? "shared memory is missing" : "shared memory is of no use here";
  const std::string text = what + ": " + d.shared_memory_problem;
  if (d.members_alive > 0) {
    Warn(findings,
         text + "; nobody can join beside those who still go by what was there (" +
             Count(d.members_alive, "living member") + ")",
         "stop " + ProcessesOf(d) +
             "; the next process to open the store then makes it anew and recovers from the journal");
  } else if (!d.held_exclusively) {
    Note(findings, text,
         "nothing to do: the next process to open the store makes it anew and recovers from the journal");
  }
}

void AdviseOnOwner(const StoreDiagnosis& d, std::uint64_t queued, Findings& findings) {
  const CommitLeaseDiagnosis& lease = d.lease;
  const std::string epoch = " (epoch " + std::to_string(lease.epoch) + ")";
  if (lease.state == LeaseState::kAbandoned) {
    Warn(findings, "the last committer gave up after a failed write or sync" + epoch,
         "look at the disk (free space, 'dmesg'); the next writer seals the journal and goes on in a new epoch");
    return;
  }
  const MemberDiagnosis* owner = MemberIn(d, lease.member);
  if (lease.state == LeaseState::kOwned && !lease.owner_alive) {
    Warn(findings, Process(lease.pid) + " is dead and still owns the commit lease" + epoch,
         "nothing need be done: the next writer takes over within " + std::string(kTakeover) +
             ", and so does the next process that opens the store to write");
  } else if (owner != nullptr && owner->stopped) {
    Warn(findings, Process(lease.pid) + " is stopped and owns the commit lease" + epoch,
         GoOnOrEnd(lease.pid) + "; writers that wait take over after " + kTakeover);
  } else if (lease.watched_ms && !lease.progress) {
    const std::string waited = Count(queued, "queued operation") + " did not move for " +
                               std::to_string(*lease.watched_ms) + " ms while watched";
    if (lease.state == LeaseState::kFree) {
      Warn(findings, waited + ", and nobody commits",
           "let the writers that are stopped go on; any process that commits something commits these too");
    } else {
      Warn(findings, waited + "; the committer is " + Process(lease.pid) + epoch,
           "run doctor again; if the heartbeat is still " + std::to_string(lease.heartbeat) +
               ", its disk is slow, or '" + "kill -9 " + std::to_string(lease.pid) +
               "' ends it; writers that wait take over after " + kTakeover);
    }
  }
  if (lease.takeovers_unpublished >= kTakeoversMany) {
    Warn(findings,
         Count(lease.takeovers_unpublished, "takeover") +
             " in a row from committers that did not die, without a commit in between",
         "the disk may be slower than the time to live: look at it, or open with a larger commit_ttl_ms");
  }
}

/// A lease that a stopped process is bound to runs out: nobody renews it. Until then it is in others' way.
void AdviseOnLeases(const StoreDiagnosis& d, const MemberDiagnosis& member, Findings& findings) {
  std::uint64_t leases = 0;
  std::uint64_t left_ms = 0;
  for (const LeaseDiagnosis& lease : d.leases) {
    if (lease.member != member.slot) continue;
    ++leases;
    left_ms = std::max(left_ms, lease.left_ms);
  }
  if (leases == 0) return;
  Warn(findings,
       Process(member.pid) + " is stopped and holds " + Count(leases, "lease") + ", for another " +
           std::to_string(left_ms) + " ms at most",
       GoOnOrEnd(member.pid) +
           ", or end them with 'tenure lease break'; they expire by themselves, and its writes are "
           "refused from then on");
}

void AdviseOnStopped(const StoreDiagnosis& d, Findings& findings) {
  for (const MemberDiagnosis& member : d.members) {
    if (!member.stopped || !member.alive) continue;
    if (d.applying && d.applying_pid == member.pid) {
      Warn(findings, Process(member.pid) + " is stopped and has the turn to apply: the index stands still",
           GoOnOrEnd(member.pid));
    }
    AdviseOnLeases(d, member, findings);
    std::uint64_t slots = 0;
    std::uint64_t waiting = 0;
    for (const WriterSlotDiagnosis& slot : d.slots) {
      if (slot.member != member.slot) continue;
      ++slots;
      waiting += slot.waiting;
    }
    if (slots == 0) continue;
    Warn(findings,
         Process(member.pid) + " is stopped and holds " + Count(slots, "writer slot") + " with " +
             Count(waiting, "queued operation"),
         GoOnOrEnd(member.pid) + "; others commit what it queued, and its slots stay taken until it ends");
  }
}

void AdviseOnSlots(const StoreDiagnosis& d, Findings& findings) {
  std::set<std::uint32_t> dead;
  for (const WriterSlotDiagnosis& slot : d.slots) {
    const MemberDiagnosis* member = MemberIn(d, slot.member);
    if (slot.quarantined) {
      Warn(findings,
           "writer slot " + std::to_string(slot.slot) + " of " + Process(slot.pid) +
               " was given up: its content in shared memory was damaged",
           slot.pid == 0 ? "nothing to do: the slot is used again when a thread needs one"
                         : "restart process " + std::to_string(slot.pid) +
                               ": something in it writes where it should not; other slots are not affected");
    } else if (member == nullptr || !member->alive) {
      dead.insert(slot.slot);
    }
  }
  if (d.shared_memory == SharedMemoryState::kSound && d.writer_slots_free == 0 && dead.empty()) {
    Warn(findings,
         "all " + std::to_string(d.writer_slots) + " writer slots are taken: further threads commit one by one",
         "write from fewer threads, or make the store with more (CreateOptions::writer_slots)");
  }
  if (!dead.empty()) {
    Note(findings,
         Count(dead.size(), "writer slot") + " belong" + (dead.size() == 1 ? "s" : "") + " to processes that died",
         "nothing to do: what is queued there is committed first, then the slot is used again");
  }
}

void AdviseOnFiles(const StoreDiagnosis& d, Findings& findings) {
  const std::uint64_t lag = d.durable_lsn - std::min(d.durable_lsn, d.applied_lsn);
  if (lag > kLagHigh) {
    const std::string turn = !d.applying           ? "nobody has the turn to apply"
                             : d.applying_pid == 0 ? "a process has the turn to apply"
                                                   : Process(d.applying_pid) + " has the turn to apply";
    Warn(findings, "the index is " + std::to_string(lag) + " transactions behind the journal; " + turn,
         d.applying ? "wait; reads that need more than it has applied wait too"
                    : "keep one process open that applies in the background, or read once");
  }
  if (d.segments > kSegmentsMany && d.checkpoints == 0) {
    Warn(findings, "the journal has " + std::to_string(d.segments) + " segments and no checkpoint covers them",
         "run 'tenure compact'");
  }
}

}  // namespace

Findings AdviseOnStore(const StoreDiagnosis& d) {
  Findings findings;
  std::uint64_t queued = 0;
  for (const WriterSlotDiagnosis& slot : d.slots) queued += slot.quarantined ? 0 : slot.waiting;
  AdviseOnSharedMemory(d, findings);
  AdviseOnOwner(d, queued, findings);
  AdviseOnStopped(d, findings);
  AdviseOnSlots(d, findings);
  AdviseOnFiles(d, findings);
  std::stable_partition(findings.begin(), findings.end(),
                        [](const Finding& finding) { return finding.kind == Finding::Kind::kWarning; });
  return findings;
}

Findings AdviseOnFileSystem(const base::FileSystemInfo& info) {
  Findings findings;
  if (info.type == "tmpfs") {
    Warn(findings, "the store is on a tmpfs: nothing survives a reboot", "move it to a disk (ext4 or xfs)");
  } else if (info.type == "overlayfs") {
    Warn(findings, "the store is on an overlayfs: it goes away with its container",
         "put it on a volume that is mounted from a disk");
  } else if (info.type != "ext4" && info.type != "xfs") {
    Warn(findings, "the file system " + info.type + " is not one that promises preallocated space",
         "move the store to ext4 or xfs, or watch the free space");
  }
  if (info.read_only) {
    Warn(findings, "the file system is mounted read-only", "remount it to write; reads work");
  } else if (info.free_bytes < kFreeBytesLow) {
    Warn(findings, "only " + HumanBytes(info.free_bytes) + " are free",
         "free some space, or run 'tenure compact'; with a full disk writes fail and reads go on");
  }
  return findings;
}

Findings AdviseOnSqlite(const std::string& version) {
  std::array<int, 3> v{};
  Findings findings;
  if (std::sscanf(version.c_str(), "%d.%d.%d", &v[0], &v[1], &v[2]) < 2) return findings;
  // https://sqlite.org/wal.html: a checkpoint that races a commit may lose the commit.
  if (v >= std::array{3, 7, 0} && v <= std::array{3, 51, 2}) {
    Note(findings, "SQLite " + version + " can lose commits when a checkpoint races them (3.7.0 to 3.51.2)",
         "tenure keeps the two apart; open the index with other programs only with mode=ro");
  }
  return findings;
}

}  // namespace tenure::cli
