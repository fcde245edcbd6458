// tenure put REF
#include "cli/args.h"
#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/file_digest.h"
#include "cli/registry.h"
#include "cli/views.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

class Put : public Command {
 public:
  void Define(Args& args) override {
    args.Required("REF", ref_, "name:version");
    args.Option("--file", file_, "FILE", "Take digest (sha256) and size from this file");
    args.Option("--digest", digest_, "DIGEST", "algorithm:hex");
    args.Option("--size", size_, "N", "Bytes of the content");
    args.Option("--media-type", media_type_, "TYPE", "Such as application/gzip");
    args.Repeated("--url", urls_, "URL", "Where the content is; may be repeated");
    args.Repeated("--set", assignments_, "K=JSON", "An annotation; K.L sets a nested member; may be repeated");
    args.Flag("--if-absent", if_absent_, "Only when there is no live entry");
    conditions_.Define(args);
    DefineWriteOptions(args, write_);
    args.Footer(
        "The whole entry is replaced; 'tenure patch' changes single annotations. A --set value that is valid\n"
        "JSON is taken as such (1, true, [1,2], \"1\"), anything else as a string. A name with a dot in it is\n"
        "quoted: --set '\"org.opencontainers.image.title\"=App'.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(Key key, ParseKey(ref_, "put"));
    TENURE_ASSIGN(const CommitOptions commit, CommitOptionsOf(write_));
    PutSpec spec;
    TENURE_ASSIGN(spec.annotations, AnnotationsOf(assignments_));
    if (!file_.empty()) TENURE_RETURN_IF_ERROR(TakeFile(ctx));
    spec.name = key.name;
    spec.version = key.version;
    spec.digest = digest_;
    spec.size = size_;
    spec.media_type = media_type_;
    spec.urls = urls_;
    Transaction txn;
    Operation& op = txn.Put(std::move(spec));
    conditions_.ApplyTo(op);
    op.if_absent = if_absent_;
    TENURE_ASSIGN(Store store, ctx.OpenStore({.writer = commit.writer}));
    TENURE_ASSIGN(const Receipt receipt, ctx.Commit(store, txn, commit));
    return PrintReceipt(ctx, ref_, receipt);
  }

 private:
  Status TakeFile(Context& ctx) {
    TENURE_ASSIGN(const FileDigest file, DigestFile(ctx, file_));
    if (!digest_.empty() && digest_ != file.digest) {
      return base::MakeError(ErrorCode::kInvalidArgument,
                             file_ + " has the digest " + file.digest + ", not " + digest_ + " as --digest says",
                             "leave --digest out, or name the right file");
    }
    if (size_ && *size_ != file.size) {
      return base::MakeError(
          ErrorCode::kInvalidArgument,
          file_ + " has " + std::to_string(file.size) + " bytes, not " + std::to_string(*size_) + " as --size says",
          "leave --size out, or name the right file");
    }
    digest_ = file.digest;
    size_ = file.size;
    return {};
  }

  std::string ref_;
  std::string file_;
  std::string digest_;
  std::optional<std::uint64_t> size_;
  std::string media_type_;
  std::vector<std::string> urls_;
  std::vector<std::string> assignments_;
  bool if_absent_ = false;
  Conditions conditions_;
  WriteOptions write_;
};

}  // namespace

std::unique_ptr<Command> MakePut() { return std::make_unique<Put>(); }

}  // namespace tenure::cli
