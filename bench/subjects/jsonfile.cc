// artifacts_index.json the careful way: under an flock read it, change one entry, write a temporary file,
// fsync, rename over, fsync the directory. The file holds 10,000 entries from the start, and keeps them.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/common/failure.h"
#include "bench/subjects/subject.h"

namespace tenure::bench {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t kEntries = 10'000;

Json EntryOf(const Record& record, std::uint64_t revision) {
  return Json{{"name", record.name},          {"version", kVersion},
              {"digest", record.digest_text}, {"size", record.size},
              {"mediaType", kMediaType},      {"annotations", Json::parse(record.annotations, nullptr, false)},
              {"revision", revision}};
}

Result<Json> ReadIndex(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  Json index = Json::parse(text.str(), nullptr, false);
  if (!in || index.is_discarded()) return Fail("cannot read " + path);
  return index;
}

/// Temporary file, fsync, rename, fsync of the directory.
Status WriteIndex(const std::string& dir, const std::string& path, const Json& index) {
  const std::string text = index.dump(2);
  const std::string temporary = path + ".tmp";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return FailErrno("create " + temporary);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  const Error error = FailErrno("write " + temporary);
  close(fd);
  if (!written) return error;
  if (rename(temporary.c_str(), path.c_str()) != 0) return FailErrno("rename " + temporary);
  const int dir_fd = open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = dir_fd >= 0 && fsync(dir_fd) == 0;
  if (dir_fd >= 0) close(dir_fd);
  if (!synced) return FailErrno("fsync " + dir);
  return {};
}

class JsonClient : public Client {
 public:
  JsonClient(std::string dir, int lock_fd)
      : dir_(std::move(dir)), path_(dir_ + "/artifacts_index.json"), lock_fd_(lock_fd) {}
  ~JsonClient() override { close(lock_fd_); }

  Status Put(const Record& record) override { return UnderLock(record, false); }
  Result<bool> Increment(const Record& record) override {
    TENURE_RETURN_IF_ERROR(UnderLock(record, true));
    return true;
  }

 private:
  Status UnderLock(const Record& record, bool count) {
    while (flock(lock_fd_, LOCK_EX) != 0) {
      if (errno != EINTR) return FailErrno("flock");
    }
    Status done = Change(record, count);
    flock(lock_fd_, LOCK_UN);
    return done;
  }
  Status Change(const Record& record, bool count) {
    TENURE_ASSIGN(Json index, ReadIndex(path_));
    for (Json& entry : index["artifacts"]) {
      if (entry["name"] != record.name) continue;
      Json next = EntryOf(record, entry["revision"].get<std::uint64_t>() + 1);
      if (count) next["annotations"]["counter"] = entry["annotations"].value("counter", std::uint64_t{0}) + 1;
      entry = std::move(next);
      return WriteIndex(dir_, path_, index);
    }
    return Fail("no entry " + record.name + " in " + path_);
  }

  std::string dir_;
  std::string path_;
  int lock_fd_;
};

class JsonHandle : public Handle {
 public:
  explicit JsonHandle(std::string dir) : dir_(std::move(dir)) {}
  Result<std::unique_ptr<Client>> NewClient(unsigned) override {
    const int fd = open((dir_ + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return FailErrno("open " + dir_ + "/lock");
    return std::unique_ptr<Client>(std::make_unique<JsonClient>(dir_, fd));
  }

 private:
  std::string dir_;
};

class JsonFile : public Subject {
 public:
  Status Prepare(const SubjectSetup& setup) override {
    RecordSource source(1, 0, 1);
    Record record;
    Json index{{"artifacts", Json::array()}};
    for (std::uint64_t key = 0; key < kEntries; ++key) {
      source.NextAt(key, record);
      if (setup.one_key && key == 0) record.annotations = CounterJson(1);
      index["artifacts"].push_back(EntryOf(record, 1));
    }
    return WriteIndex(setup.dir, setup.dir + "/artifacts_index.json", index);
  }
  Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) override {
    return std::unique_ptr<Handle>(std::make_unique<JsonHandle>(setup.dir));
  }
  Result<std::uint64_t> Counter(const SubjectSetup& setup) override {
    TENURE_ASSIGN(const Json index, ReadIndex(setup.dir + "/artifacts_index.json"));
    const Json& entry = index["artifacts"][0];
    return CheckedCounter(entry["annotations"].value("counter", std::uint64_t{0}),
                          entry["revision"].get<std::uint64_t>());
  }
};

constexpr SubjectTraits kTraits = {.many_processes = true, .one_key = true, .windowed = false, .keys_max = kEntries};
const SubjectEntry kEntry("jsonfile", "artifacts_index.json of 10,000 entries: flock, rewrite, fsync, rename, fsync",
                          kTraits, [] { return std::unique_ptr<Subject>(std::make_unique<JsonFile>()); });

}  // namespace
}  // namespace tenure::bench
