// The body hash of a request: every field of every operation, conditions and bases included, so that
// the same request id with anything else in it is noticed.
#include <string>

#include "store/model/hash_input.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

constexpr std::size_t kBodyFixedBytesMax = 128;  // above one operation's fixed-width fields and text lengths

std::size_t BytesMax(const Operation& op) {
  std::size_t bytes = kBodyFixedBytesMax + OperationBytes(op);
  if (op.policy) {
    for (const std::string& name : op.policy->unset) bytes += HashInput::TextBytes(name);
  }
  return bytes + op.urls.size() * sizeof(std::uint32_t);
}

void Append(HashInput& in, const std::optional<std::uint64_t>& number) {
  in.U8(number.has_value() ? 1 : 0);
  in.U64(number.value_or(0));
}

void Append(HashInput& in, const std::optional<std::string>& text) {
  in.U8(text.has_value() ? 1 : 0);
  in.Text(text ? std::string_view(*text) : std::string_view());
}

void Append(HashInput& in, const std::optional<bool>& value) { in.U8(value ? (*value ? 2 : 1) : 0); }

/// Policies and resolutions. The others do without: their hashes are as they always were.
void AppendRare(HashInput& in, const Operation& op) {
  in.Text(op.glob);
  in.U64(op.conflict.lsn);
  in.U32(op.conflict.effect);
  in.U8(static_cast<std::uint8_t>(op.take));
  if (!op.policy) return;
  const PolicySpec& spec = *op.policy;
  Append(in, spec.immutable);
  Append(in, spec.require_lease);
  Append(in, spec.keep_history);
  in.U8(spec.on_conflict ? static_cast<std::uint8_t>(*spec.on_conflict) + 1 : 0);
  Append(in, spec.schema);
  in.U32(static_cast<std::uint32_t>(spec.unset.size()));
  for (const std::string& name : spec.unset) in.Text(name);
}

}  // namespace

base::Hash128 BodyHash(std::span<const Operation> operations) {
  std::size_t bytes = sizeof(std::uint64_t);
  for (const Operation& op : operations) bytes += BytesMax(op);
  HashInput in(bytes);
  in.U64(operations.size());
  for (const Operation& op : operations) {
    in.U8(static_cast<std::uint8_t>(op.kind));
    in.Text(op.name);
    in.Text(op.version);
    in.Text(op.tag);
    in.Text(op.digest);
    Append(in, op.size);
    in.Text(op.media_type);
    in.U32(static_cast<std::uint32_t>(op.urls.size()));
    for (const std::string& url : op.urls) in.Text(url);
    in.Text(op.annotations);
    in.U8(op.with_tags ? 1 : 0);
    in.U8(op.if_absent ? 1 : 0);
    Append(in, op.if_revision);
    Append(in, op.if_digest);
    Append(in, op.if_version);
    Append(in, op.base);
    if (!OnEntry(op.kind) && !OnTag(op.kind)) AppendRare(in, op);
  }
  return in.Hash();
}

}  // namespace tenure::model
