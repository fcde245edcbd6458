#include "store/commit/request_codec.h"

#include <algorithm>

#include "lease/messages.h"
#include "store/base/error.h"
#include "store/model/validate.h"

namespace tenure::commit {
namespace {

using base::Decoder;
using base::Encoder;

constexpr std::size_t kTextMax = model::kTxnBytesMax;

// Flags of an operation: what it carries beyond kind, name and version.
constexpr std::uint64_t kTag = 1;
constexpr std::uint64_t kDigest = 2;
constexpr std::uint64_t kSize = 4;
constexpr std::uint64_t kMediaType = 8;
constexpr std::uint64_t kUrls = 16;
constexpr std::uint64_t kAnnotations = 32;
constexpr std::uint64_t kWithTags = 64;
constexpr std::uint64_t kIfAbsent = 128;
constexpr std::uint64_t kIfRevision = 256;
constexpr std::uint64_t kIfDigest = 512;
constexpr std::uint64_t kIfVersion = 1024;
constexpr std::uint64_t kBase = 2048;
constexpr std::uint64_t kOpFlags = 4095;

std::uint64_t FlagsOf(const Operation& op) {
  std::uint64_t flags = 0;
  const auto set = [&](bool present, std::uint64_t flag) { flags |= present ? flag : 0; };
  set(!op.tag.empty(), kTag);
  set(!op.digest.empty(), kDigest);
  set(op.size.has_value(), kSize);
  set(!op.media_type.empty(), kMediaType);
  set(!op.urls.empty(), kUrls);
  set(op.annotations != "{}", kAnnotations);
  set(op.with_tags, kWithTags);
  set(op.if_absent, kIfAbsent);
  set(op.if_revision.has_value(), kIfRevision);
  set(op.if_digest.has_value(), kIfDigest);
  set(op.if_version.has_value(), kIfVersion);
  set(op.base.has_value(), kBase);
  return flags;
}

bool IsRare(OpKind kind) { return !model::OnEntry(kind) && !model::OnTag(kind); }

// Attributes of a policy: absent, or 1 + value.
std::uint8_t Tri(const std::optional<bool>& value) { return value ? (*value ? 2 : 1) : 0; }
bool FromTri(std::uint8_t byte, std::optional<bool>& value) {
  if (byte > 0) value = byte == 2;
  return byte <= 2;
}

// A strategy: absent, or 1 + value.
std::uint8_t StrategyByte(const std::optional<ConflictStrategy>& strategy) {
  return strategy ? static_cast<std::uint8_t>(1 + static_cast<std::uint8_t>(*strategy)) : 0;
}
bool FromStrategyByte(std::uint8_t byte, std::optional<ConflictStrategy>& strategy) {
  if (byte > 0) strategy = static_cast<ConflictStrategy>(byte - 1);
  return byte <= 1 + static_cast<std::uint8_t>(ConflictStrategy::kPark);
}

/// Policies and resolutions: few, so that nothing is left out.
void EncodeRare(const Operation& op, Encoder& out) {
  out.Text(op.glob);
  out.Varint(op.conflict.lsn);
  out.Varint(op.conflict.effect);
  out.U8(static_cast<std::uint8_t>(op.take));
  out.U8(op.policy ? 1 : 0);
  if (!op.policy) return;
  const PolicySpec& spec = *op.policy;
  out.U8(Tri(spec.immutable));
  out.U8(Tri(spec.require_lease));
  out.U8(Tri(spec.keep_history));
  out.U8(StrategyByte(spec.on_conflict));
  out.U8(spec.schema ? 1 : 0);
  if (spec.schema) out.Text(*spec.schema);
  out.Varint(spec.unset.size());
  for (const std::string& name : spec.unset) out.Text(name);
}

bool DecodeRare(Decoder& in, Operation& op) {
  op.glob = in.Text(kTextMax);
  op.conflict.lsn = in.Varint();
  const std::uint64_t effect = in.Varint();
  op.conflict.effect = static_cast<std::uint32_t>(effect);
  const std::uint8_t take = in.U8();
  op.take = static_cast<Take>(take);
  const std::uint8_t with_policy = in.U8();
  if (!in.ok() || effect != op.conflict.effect || take > static_cast<std::uint8_t>(Take::kGiven) || with_policy > 1)
    return false;
  if (with_policy == 0) return true;
  PolicySpec& spec = op.policy.emplace();
  if (!FromTri(in.U8(), spec.immutable) || !FromTri(in.U8(), spec.require_lease) ||
      !FromTri(in.U8(), spec.keep_history) || !FromStrategyByte(in.U8(), spec.on_conflict)) {
    return false;
  }
  if (in.U8() != 0) spec.schema = std::string(in.Text(kTextMax));
  const std::uint64_t count = in.Varint();
  if (!in.ok() || count > in.remaining()) return false;
  for (std::uint64_t i = 0; i < count; ++i) spec.unset.emplace_back(in.Text(kTextMax));
  return in.ok();
}

void EncodeOperation(const Operation& op, Encoder& out) {
  const std::uint64_t flags = FlagsOf(op);
  out.U8(static_cast<std::uint8_t>(op.kind));
  out.Varint(flags);
  out.Text(op.name);
  out.Text(op.version);
  if (flags & kTag) out.Text(op.tag);
  if (flags & kDigest) out.Text(op.digest);
  if (flags & kSize) out.Varint(*op.size);
  if (flags & kMediaType) out.Text(op.media_type);
  if (flags & kUrls) {
    out.Varint(op.urls.size());
    for (const std::string& url : op.urls) out.Text(url);
  }
  if (flags & kAnnotations) out.Text(op.annotations);
  if (flags & kIfRevision) out.Varint(*op.if_revision);
  if (flags & kIfDigest) out.Text(*op.if_digest);
  if (flags & kIfVersion) out.Text(*op.if_version);
  if (flags & kBase) out.Varint(*op.base);
  if (IsRare(op.kind)) EncodeRare(op, out);
}

void ReadText(Decoder& in, std::string& text) { text.assign(in.Text(kTextMax)); }

/// Empty again; its strings keep their memory.
void Renew(Operation& op) {
  for (std::string* text : {&op.tag, &op.digest, &op.media_type, &op.glob}) text->clear();
  op.annotations = "{}";
  op.urls.clear();
  op.size.reset();
  op.if_revision.reset();
  op.if_digest.reset();
  op.if_version.reset();
  op.base.reset();
  op.policy.reset();
  op.conflict = {};
  op.take = Take::kOurs;
}

/// Into `op`, whatever it was.
bool DecodeOperation(Decoder& in, Operation& op) {
  Renew(op);
  const std::uint8_t kind = in.U8();
  const std::uint64_t flags = in.Varint();
  if (!in.ok() || kind > static_cast<std::uint8_t>(OpKind::kResolve) || (flags & ~kOpFlags) != 0) return false;
  op.kind = static_cast<OpKind>(kind);
  ReadText(in, op.name);
  ReadText(in, op.version);
  if (flags & kTag) ReadText(in, op.tag);
  if (flags & kDigest) ReadText(in, op.digest);
  if (flags & kSize) op.size = in.Varint();
  if (flags & kMediaType) ReadText(in, op.media_type);
  if (flags & kUrls) {
    const std::uint64_t count = in.Varint();
    if (!in.ok() || count > in.remaining()) return false;
    op.urls.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) op.urls.emplace_back(in.Text(kTextMax));
  }
  if (flags & kAnnotations) ReadText(in, op.annotations);
  op.with_tags = (flags & kWithTags) != 0;
  op.if_absent = (flags & kIfAbsent) != 0;
  if (flags & kIfRevision) op.if_revision = in.Varint();
  if (flags & kIfDigest) ReadText(in, op.if_digest.emplace());
  if (flags & kIfVersion) ReadText(in, op.if_version.emplace());
  if (flags & kBase) op.base = in.Varint();
  return in.ok() && (!IsRare(op.kind) || DecodeRare(in, op));
}

// Flags of an error's optional members.
constexpr std::uint8_t kErrorRevision = 1;
constexpr std::uint8_t kErrorLsn = 2;
constexpr std::uint8_t kErrorHolder = 4;  // instead of message and hint, which follow from it
constexpr std::uint8_t kErrorOwn = 8;

/// Cut where a character ends, so that what arrives is still UTF-8.
std::string_view Cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

/// Texts of a refusal that names a holder: together with its numbers below kRefusalBytes.
constexpr std::size_t kWhatBytes = 100;
constexpr std::size_t kScopeBytes = 80;
constexpr std::size_t kWriterBytes = 48;
constexpr std::size_t kHostBytes = 40;
constexpr std::size_t kPurposeBytes = 32;
static_assert(kWhatBytes + kScopeBytes + kWriterBytes + kHostBytes + kPurposeBytes + 8 * 10 <= ingest::kRefusalBytes);

/// The key, or what the message begins with.
std::string_view WhatOf(const Error& error) {
  if (!error.key.empty()) return error.key;
  return std::string_view(error.message).substr(0, error.message.find(": "));
}

void EncodeHeld(const Error& error, Encoder& out) {
  const LeaseInfo& holder = *error.holder;
  const bool own = error.message.ends_with("with itself");
  out.U8(static_cast<std::uint8_t>(kErrorHolder | (own ? kErrorOwn : 0)));
  out.Text(Cut(WhatOf(error), kWhatBytes));
  out.U8(error.key.empty() || error.key.size() > kWhatBytes ? 0 : 1);
  out.Varint(holder.id);
  out.U8(static_cast<std::uint8_t>(holder.mode));
  out.U8(holder.bound ? 1 : 0);
  out.Varint(holder.pid);
  out.Signed(holder.granted_at_ms);
  out.Varint(holder.age_ms);
  out.Varint(holder.left_ms);
  out.Varint(holder.waiters);
  out.Text(Cut(holder.writer, kWriterBytes));
  out.Text(Cut(holder.host, kHostBytes));
  out.Text(Cut(holder.purpose, kPurposeBytes));
  out.Text(holder.scopes.empty() ? std::string_view() : Cut(holder.scopes.front(), kScopeBytes));
}

Error DecodeHeld(Decoder& in, std::uint8_t flags) {
  LeaseInfo holder;
  const std::string what(in.Text(kWhatBytes));
  const bool is_key = in.U8() != 0;
  holder.id = in.Varint();
  holder.mode = in.U8() != 0 ? LeaseMode::kShared : LeaseMode::kExclusive;
  holder.bound = in.U8() != 0;
  holder.pid = static_cast<std::uint32_t>(in.Varint());
  holder.granted_at_ms = in.Signed();
  holder.age_ms = in.Varint();
  holder.left_ms = in.Varint();
  holder.waiters = in.Varint();
  holder.writer = in.Text(kWriterBytes);
  holder.host = in.Text(kHostBytes);
  holder.purpose = in.Text(kPurposeBytes);
  holder.scopes.emplace_back(in.Text(kScopeBytes));
  Error error = lease::HeldError(what, std::move(holder), (flags & kErrorOwn) != 0);
  if (is_key) error.key = what;
  return error;
}

void EncodeError(const Error& error, Encoder& out) {
  out.U8(static_cast<std::uint8_t>(error.code));
  if (error.holder) return EncodeHeld(error, out);
  out.U8(static_cast<std::uint8_t>((error.revision ? kErrorRevision : 0) | (error.lsn ? kErrorLsn : 0)));
  if (error.revision) out.Varint(*error.revision);
  if (error.lsn) out.Varint(*error.lsn);
  // Key and hint are short; the message gets what is left, and its end goes first.
  const std::string_view key = Cut(error.key, ingest::kRefusalBytes / 2);
  const std::string_view hint = Cut(error.hint, ingest::kRefusalBytes / 4);
  constexpr std::size_t kFixed = 2 + 10 + 10 + 3 * 2;
  const std::size_t used = kFixed + key.size() + hint.size();
  out.Text(Cut(error.message, ingest::kRefusalBytes > used ? ingest::kRefusalBytes - used : 0));
  out.Text(key);
  out.Text(hint);
}

std::optional<Error> DecodeError(base::ByteView bytes) {
  Decoder in(bytes);
  Error error;
  error.code = static_cast<ErrorCode>(in.U8());
  const std::uint8_t flags = in.U8();
  if ((flags & kErrorHolder) != 0) {
    error = DecodeHeld(in, flags);
    return in.ok() ? std::optional<Error>(std::move(error)) : std::nullopt;
  }
  if (flags & kErrorRevision) error.revision = in.Varint();
  if (flags & kErrorLsn) error.lsn = in.Varint();
  error.message = in.Text(ingest::kRefusalBytes);
  error.key = in.Text(ingest::kRefusalBytes);
  error.hint = in.Text(ingest::kRefusalBytes);
  if (!in.ok() || error.code > ErrorCode::kOutOfMemory) return std::nullopt;
  return error;
}

ingest::AnswerState StateOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kCommitted:
      return ingest::AnswerState::kCommitted;
    case Outcome::kUnchanged:
      return ingest::AnswerState::kUnchanged;
    case Outcome::kMerged:
      return ingest::AnswerState::kMerged;
    case Outcome::kParked:
      return ingest::AnswerState::kParked;
  }
  return ingest::AnswerState::kCommitted;
}

std::optional<Outcome> OutcomeOf(ingest::AnswerState state) {
  for (const Outcome outcome : {Outcome::kCommitted, Outcome::kUnchanged, Outcome::kMerged, Outcome::kParked}) {
    if (StateOf(outcome) == state) return outcome;
  }
  return std::nullopt;
}

}  // namespace

void EncodeRequest(const Request& request, base::Bytes& out) {
  Encoder encoder(out);
  encoder.Text(request.writer);
  encoder.Varint(request.uid);
  encoder.U8(StrategyByte(request.on_conflict));
  encoder.U8(request.asks_outcome ? 1 : 0);
  encoder.Text(request.request_id);
  if (!request.request_id.empty()) {
    encoder.U64(request.body_hash.low);
    encoder.U64(request.body_hash.high);
  }
  encoder.Varint(request.operations.size());
  for (const Operation& op : request.operations) EncodeOperation(op, encoder);
  encoder.Varint(request.leases.size());
  for (const PresentedLease& lease : request.leases) EncodePresented(lease, encoder);
  encoder.U8(request.lease_action ? 1 : 0);
  if (request.lease_action) EncodeAction(*request.lease_action, encoder);
}

bool DecodeRequest(base::ByteView bytes, Request& request) {
  Decoder in(bytes);
  request.late = false;
  request.on_conflict.reset();
  request.leases.clear();
  request.lease_action.reset();
  request.body_hash = {};
  request.writer.assign(in.Text(model::kWriterBytesMax));
  const std::uint64_t uid = in.Varint();
  const std::uint8_t on_conflict = in.U8();
  const std::uint8_t asks = in.U8();
  request.uid = static_cast<std::uint32_t>(uid);
  request.request_id.assign(in.Text(model::kRequestIdBytesMax));
  if (!request.request_id.empty()) {
    request.body_hash.low = in.U64();
    request.body_hash.high = in.U64();
  }
  const std::uint64_t count = in.Varint();
  if (!in.ok() || uid != request.uid || !FromStrategyByte(on_conflict, request.on_conflict) || asks > 1 ||
      count > model::kTxnOperationsMax)
    return false;
  request.asks_outcome = asks != 0;
  if (request.asks_outcome && (count != 0 || request.request_id.empty())) return false;
  std::vector<Operation>& operations = request.operations.own();
  operations.resize(count);
  for (Operation& op : operations) {
    if (!DecodeOperation(in, op)) return false;
    // Written by a process with access to the store, but perhaps not by this library: what no client would send
    // must not reach the journal.
    if (!model::Normalise(op).ok()) return false;
  }
  const std::uint64_t leases = in.Varint();
  if (!in.ok() || leases > kPresentedMax) return false;
  for (std::uint64_t i = 0; i < leases; ++i) request.leases.push_back(DecodePresented(in));
  if (in.U8() != 0) {
    auto action = DecodeAction(in);
    if (!action) return false;
    request.lease_action = std::make_shared<const LeaseAction>(std::move(*action));
  }
  const int jobs = (count != 0 ? 1 : 0) + (request.asks_outcome ? 1 : 0) + (request.lease_action ? 1 : 0);
  return in.ok() && in.empty() && jobs == 1;
}

void ShedMemory(Request& request) {
  constexpr std::size_t kKeptOperations = 4;
  constexpr std::size_t kKeptBytes = 1'024;
  constexpr std::size_t kKeptUrls = 16;
  const auto large = [](const Operation& op) {
    return op.annotations.capacity() > kKeptBytes || op.urls.capacity() > kKeptUrls;
  };
  const auto& operations = request.operations;
  if (operations.capacity() > kKeptOperations || std::any_of(operations.begin(), operations.end(), large)) request = {};
}

std::size_t ReplyBytesMax(const Request& request) {
  // Count, then an outcome and a varint of at most 10 bytes for each; an old receipt may be of any length.
  const std::size_t results = request.asks_outcome ? model::kTxnOperationsMax : request.operations.size();
  return results <= 1 ? 0 : 10 + 11 * results;
}

ingest::Reply EncodeReply(const Result<Receipt>& answer, std::size_t operations) {
  ingest::Reply reply;
  Encoder out(reply.detail);
  if (!answer.ok()) {
    reply.state = ingest::AnswerState::kRejected;
    EncodeError(answer.error(), out);
    return reply;
  }
  const Receipt& receipt = answer.value();
  reply.state = StateOf(receipt.outcome);
  reply.replayed = receipt.replayed;
  reply.lsn = receipt.lsn;
  reply.time_ms = receipt.time_ms;
  if (operations == 1 && receipt.results.size() == 1) {
    reply.revision = receipt.results.front().revision;
  } else if (!receipt.results.empty()) {
    model::EncodeResults(receipt.results, out);
  }
  return reply;
}

std::optional<Result<Receipt>> DecodeReply(const ingest::Reply& reply, std::size_t operations) {
  if (!reply.whole) return std::nullopt;
  if (reply.state == ingest::AnswerState::kRejected) {
    auto error = DecodeError(reply.detail);
    if (!error) return std::nullopt;
    return Result<Receipt>(std::move(*error));
  }
  const auto outcome = OutcomeOf(reply.state);
  if (!outcome) return std::nullopt;
  Receipt receipt;
  receipt.outcome = *outcome;
  receipt.replayed = reply.replayed;
  receipt.lsn = reply.lsn;
  receipt.time_ms = reply.time_ms;
  if (operations == 1) {
    receipt.results.push_back({receipt.outcome, reply.revision});
  } else if (!reply.detail.empty()) {
    Decoder in(reply.detail);
    receipt.results = model::DecodeResults(in);
    if (!in.ok()) return std::nullopt;
  }
  return Result<Receipt>(std::move(receipt));
}

}  // namespace tenure::commit
