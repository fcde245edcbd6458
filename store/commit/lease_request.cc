#include "store/commit/lease_request.h"

#include <algorithm>

#include "lease/scope.h"

namespace tenure::commit {
namespace {

void DecodeSecret(base::Decoder& in, lease::Secret& secret) {
  const base::ByteView raw = in.Raw(secret.size());
  if (in.ok()) std::copy(raw.begin(), raw.end(), secret.begin());
}

bool DecodePlace(base::Decoder& in, LeaseAction& action) {
  action.ticket = in.Varint();
  const std::uint64_t cell = in.Varint();
  action.cell = static_cast<std::uint32_t>(cell);
  return cell == action.cell;
}

}  // namespace

void EncodePresented(const PresentedLease& lease, base::Encoder& out) {
  out.Varint(lease.id);
  out.Raw(lease.secret);
  out.U8(lease.ambient ? 1 : 0);
}

PresentedLease DecodePresented(base::Decoder& in) {
  PresentedLease lease;
  lease.id = in.Varint();
  DecodeSecret(in, lease.secret);
  lease.ambient = in.U8() != 0;
  return lease;
}

void EncodeAction(const LeaseAction& action, base::Encoder& out) {
  out.U8(static_cast<std::uint8_t>(action.what));
  switch (action.what) {
    case LeaseDo::kAcquire: {
      model::LeaseChange change;
      change.row = action.row;
      model::EncodeLeaseChange(true, false, change, out);
      out.Varint(action.owner);
      out.Varint(action.ticket);
      out.Varint(action.cell);
      return;
    }
    case LeaseDo::kRelease:
    case LeaseDo::kLook:
      out.Varint(action.id);
      out.Raw(action.secret);
      return;
    case LeaseDo::kBreak:
      out.Varint(action.id);
      out.Text(action.reason);
      return;
    case LeaseDo::kWait:
      out.Varint(action.ticket);
      out.Varint(action.cell);
      return;
    case LeaseDo::kReap:
      return;
  }
}

std::optional<LeaseAction> DecodeAction(base::Decoder& in) {
  LeaseAction action;
  action.what = static_cast<LeaseDo>(in.U8());
  if (!in.ok()) return std::nullopt;
  switch (action.what) {
    case LeaseDo::kAcquire: {
      model::LeaseChange change;
      if (model::DecodeLeaseChange(true, false, in, change) != nullptr) return std::nullopt;
      if (!lease::ParseScopes(change.row.info.scopes).ok()) return std::nullopt;
      action.row = std::move(change.row);
      action.owner = in.Varint();
      if (action.row.slot != 0 || !DecodePlace(in, action)) return std::nullopt;
      break;
    }
    case LeaseDo::kRelease:
    case LeaseDo::kLook:
      action.id = in.Varint();
      DecodeSecret(in, action.secret);
      break;
    case LeaseDo::kBreak:
      action.id = in.Varint();
      action.reason = in.Text(model::kLeaseReasonBytesMax);
      break;
    case LeaseDo::kWait:
      if (!DecodePlace(in, action)) return std::nullopt;
      break;
    case LeaseDo::kReap:
      break;
    default:
      return std::nullopt;
  }
  if (!in.ok()) return std::nullopt;
  return action;
}

}  // namespace tenure::commit
