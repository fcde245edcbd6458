// What is measured: a store of some kind, behind the few calls that the writers need.
//
// A run goes: Prepare, in the parent, makes an empty store in a fresh directory; then every writer process
// opens it (Open, once per process) and every writer thread takes a Client. At the end one process calls
// Settle, all close, and the parent may ask Counter for the verdict of a --one-key run.
// One file per subject; each enters itself in the table by a SubjectEntry at its end, so a peer that is not
// installed is simply not compiled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/common/record.h"
#include "tenure/result.h"

namespace tenure::bench {

struct SubjectSetup {
  std::string dir;
  std::uint64_t keys = 0;
  unsigned processes = 1;
  unsigned threads = 1;  ///< Per process.
  bool one_key = false;  ///< Prepare makes key 0 with a counter of 1 at revision 1.
};

/// One thread's access. Not thread-safe.
class Client {
 public:
  virtual ~Client() = default;
  /// Returns when the record is durable.
  virtual Status Put(const Record& record) = 0;
  /// Queues the record; FinishOldest waits until the oldest queued one is durable. Called by windowed runs only.
  virtual Status Start(const Record& record);
  virtual Status FinishOldest();
  /// One attempt to raise the counter of key 0 from the value last seen, with the record's content: true
  /// when it is durable, false when another writer was first.
  virtual Result<bool> Increment(const Record& record);
};

/// One process's open store; shared by its threads.
class Handle {
 public:
  virtual ~Handle() = default;
  virtual Result<std::unique_ptr<Client>> NewClient(unsigned writer) = 0;
  /// Waits until everything acknowledged can be read. Called by one process when all writers are done.
  virtual Status Settle() { return {}; }
};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual Status Prepare(const SubjectSetup& setup) = 0;
  virtual Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) = 0;
  /// The counter of key 0, after checking that it agrees with the key's revision where there is one.
  virtual Result<std::uint64_t> Counter(const SubjectSetup& setup);
};

/// How a subject can be run.
struct SubjectTraits {
  bool many_processes = true;
  bool one_key = false;
  bool windowed = false;       ///< Start and FinishOldest work.
  std::uint64_t keys_max = 0;  ///< 0: any number of keys.
};

struct SubjectEntry {
  SubjectEntry(const char* name, const char* what, SubjectTraits traits, std::unique_ptr<Subject> (*make)());
  const char* name;
  const char* what;
  SubjectTraits traits;
  std::unique_ptr<Subject> (*make)();
};

/// Those compiled into this program, by name; null when there is none.
const SubjectEntry* FindSubject(const std::string& name);
const std::vector<const SubjectEntry*>& AllSubjects();

/// Annotations of a counter record: {"counter":n}, and back; 0 when the text is not one.
std::string CounterJson(std::uint64_t value);
std::uint64_t ParseCounter(const std::string& json);
/// Checks that a counter and its key's revision agree: both count the same changes.
Result<std::uint64_t> CheckedCounter(std::uint64_t counter, std::uint64_t revision);

}  // namespace tenure::bench
