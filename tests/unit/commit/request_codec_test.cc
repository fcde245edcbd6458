// Requests between the memory of a writer and of a committer.
#include "store/commit/request_codec.h"

#include <gtest/gtest.h>

#include "lease/messages.h"
#include "store/base/error.h"
#include "store/model/utf8.h"

namespace tenure::commit {
namespace {

Request RequestOf(std::size_t operations, std::size_t annotation_bytes) {
  Request request;
  for (std::size_t i = 0; i < operations; ++i) {
    Operation op;
    op.kind = OpKind::kPut;
    op.name = "name" + std::to_string(i);
    op.version = "1";
    op.annotations = "{\"n\":\"" + std::string(annotation_bytes, 'a') + "\"}";
    request.operations.own().push_back(op);
  }
  request.writer = "w@h";
  return request;
}

base::Bytes Encoded(const Request& request) {
  base::Bytes bytes;
  EncodeRequest(request, bytes);
  return bytes;
}

TEST(RequestCodec, ASmallRequestIsDecodedIntoTheMemoryOfTheOneBefore) {
  const base::Bytes bytes = Encoded(RequestOf(1, 100));
  Request request;
  ASSERT_TRUE(DecodeRequest(bytes, request));
  const Operation* memory = request.operations.data();
  ShedMemory(request);
  ASSERT_TRUE(DecodeRequest(bytes, request));
  EXPECT_EQ(request.operations.data(), memory);
  EXPECT_EQ(Encoded(request), bytes);
}

TEST(RequestCodec, TheMemoryOfALargeRequestIsGivenBack) {
  for (const Request& large : {RequestOf(1'000, 10), RequestOf(1, 100'000)}) {
    const base::Bytes bytes = Encoded(large);
    Request request;
    ASSERT_TRUE(DecodeRequest(bytes, request));
    EXPECT_EQ(Encoded(request), bytes);
    ShedMemory(request);
    EXPECT_EQ(request.operations.capacity(), 0u);
  }
}

Operation KeyOperation(OpKind kind) {
  Operation op;
  op.kind = kind;
  op.name = "lib/a";
  op.version = "1.0";
  return op;
}

/// One of each kind, with everything that it can have.
std::vector<Operation> EveryOperation() {
  Operation put = KeyOperation(OpKind::kPut);
  put.digest = "sha256:" + std::string(64, 'a');
  put.size = 12;
  put.media_type = "text/plain";
  put.urls = {"https://a.example/1", "https://b.example/1"};
  put.annotations = R"({"team":"core"})";
  put.if_absent = true;
  put.base = 3;
  Operation patch = KeyOperation(OpKind::kPatch);
  patch.annotations = R"({"team":null})";
  patch.if_digest = put.digest;
  patch.if_revision = 4;
  Operation gone = KeyOperation(OpKind::kDelete);
  gone.with_tags = true;
  Operation set_tag = KeyOperation(OpKind::kSetTag);
  set_tag.tag = "prod";
  set_tag.if_version = "0.9";
  Operation delete_tag;
  delete_tag.kind = OpKind::kDeleteTag;
  delete_tag.name = "lib/a";
  delete_tag.tag = "prod";
  Operation policy;
  policy.kind = OpKind::kSetPolicy;
  policy.glob = "lib/**";
  PolicySpec& spec = policy.policy.emplace();
  spec.glob = policy.glob;
  spec.immutable = true;
  spec.require_lease = false;
  spec.on_conflict = ConflictStrategy::kMergeOrPark;
  spec.schema = R"({"type":"object"})";
  spec.unset = {"keep_history"};
  Operation no_policy;
  no_policy.kind = OpKind::kDeletePolicy;
  no_policy.glob = "lib/**";
  Operation resolve;
  resolve.kind = OpKind::kResolve;
  resolve.conflict = {17, 2};
  resolve.take = Take::kTheirs;
  return {put, patch, gone, set_tag, delete_tag, policy, no_policy, resolve};
}

std::vector<LeaseAction> EveryAction() {
  std::vector<LeaseAction> actions;
  for (const LeaseDo what :
       {LeaseDo::kAcquire, LeaseDo::kRelease, LeaseDo::kBreak, LeaseDo::kReap, LeaseDo::kLook, LeaseDo::kWait}) {
    LeaseAction& action = actions.emplace_back();
    action.what = what;
    action.id = 7;
    action.secret.fill(std::byte{5});
    action.reason = "holder is gone";
    action.ticket = 9;
    action.cell = 2;
    action.owner = 17;
    action.row.info.scopes = {"release/**", "tools/cc:1.0"};
    action.row.info.ttl_ms = 30'000;
    action.row.info.host = "build-1";
  }
  return actions;
}

/// One request of each kind, each a little different in what surrounds it.
std::vector<Request> EveryRequest() {
  std::vector<Request> requests;
  for (const Operation& op : EveryOperation()) {
    Request& request = requests.emplace_back();
    request.writer = "w@h";
    request.operations = {op};
    if (op.kind == OpKind::kPatch) request.request_id = "request-1";
    if (op.kind == OpKind::kPatch) request.body_hash = {1, 2};
    if (op.kind == OpKind::kDelete) request.on_conflict = ConflictStrategy::kPark;
    if (op.kind == OpKind::kSetTag) request.leases = {{7, {}, true}, {8, {}, false}};
  }
  Request& asks = requests.emplace_back();
  asks.request_id = "request-1";
  asks.asks_outcome = true;
  for (const LeaseAction& action : EveryAction()) {
    requests.emplace_back().lease_action = std::make_shared<const LeaseAction>(action);
  }
  return requests;
}

TEST(RequestCodec, EveryKindComesBackAndNoPartOfItIsOne) {
  for (const Request& request : EveryRequest()) {
    const base::Bytes bytes = Encoded(request);
    Request decoded;
    ASSERT_TRUE(DecodeRequest(bytes, decoded));
    EXPECT_EQ(Encoded(decoded), bytes);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(DecodeRequest(base::ByteView(bytes).first(length), decoded)) << length << " of " << bytes.size();
    }
    base::Bytes longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(DecodeRequest(longer, decoded));
  }
}

/// A process with access to the store can write what it likes. What passes is a request that a client could send.
TEST(RequestCodec, AChangedByteIsRefusedOrMakesAnotherRequest) {
  int refused = 0, accepted = 0;
  for (const Request& request : EveryRequest()) {
    const base::Bytes bytes = Encoded(request);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      for (const unsigned value : {0x00u, 0x01u, 0x02u, 0x07u, 0x40u, 0x7fu, 0x80u, 0xffu}) {
        base::Bytes changed = bytes;
        changed[i] = static_cast<std::byte>(value);
        Request decoded;
        if (!DecodeRequest(changed, decoded)) {
          ++refused;
          continue;
        }
        ++accepted;
        Request again;
        const base::Bytes encoded = Encoded(decoded);
        ASSERT_TRUE(DecodeRequest(encoded, again));
        EXPECT_EQ(Encoded(again), encoded);
      }
    }
  }
  EXPECT_GT(refused, 1'000);
  EXPECT_GT(accepted, 1'000);
}

TEST(RequestCodec, ARequestDoesOneThing) {
  Request nothing, both, unnamed;
  both.operations = {KeyOperation(OpKind::kPut)};
  both.lease_action = std::make_shared<const LeaseAction>(EveryAction()[1]);
  unnamed.asks_outcome = true;
  Request asks_and_writes;
  asks_and_writes.operations = {KeyOperation(OpKind::kPut)};
  asks_and_writes.request_id = "r";
  asks_and_writes.asks_outcome = true;
  Request decoded;
  for (const Request& request : {nothing, both, unnamed, asks_and_writes}) {
    EXPECT_FALSE(DecodeRequest(Encoded(request), decoded));
  }
}

TEST(RequestCodec, TooMuchIsRefusedBeforeMemoryIsTakenForIt) {
  Request decoded;
  EXPECT_FALSE(DecodeRequest(Encoded(RequestOf(10'001, 1)), decoded)) << "operations";
  Request leases;
  leases.operations = {KeyOperation(OpKind::kPut)};
  leases.leases.resize(kPresentedMax + 1);
  EXPECT_FALSE(DecodeRequest(Encoded(leases), decoded));
  Request urls;
  urls.operations = {KeyOperation(OpKind::kPut)};
  urls.operations.own()[0].urls.assign(5'000, "https://a.example/" + std::string(200, 'u'));
  EXPECT_FALSE(DecodeRequest(Encoded(urls), decoded)) << "what no client would send";
}

TEST(ReplyCodec, ARefusalIsCutWhereACharacterEnds) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    Error error;
    error.code = ErrorCode::kStaleBase;
    error.message = std::string(shift, 'm');
    error.key = std::string(shift, 'k');
    error.hint = std::string(shift, 'h');
    for (std::string* text : {&error.message, &error.key, &error.hint}) {
      for (int i = 0; i < 400; ++i) *text += i % 3 == 0 ? "\xe2\x82\xac" : i % 3 == 1 ? "\xc3\xa4" : "\xf0\x9f\x98\x80";
    }
    error.revision = 4;
    error.lsn = 5;
    const ingest::Reply reply = EncodeReply(error, 1);
    EXPECT_LE(reply.detail.size(), ingest::kRefusalBytes);
    const auto decoded = DecodeReply(reply, 1);
    ASSERT_TRUE(decoded && !decoded->ok());
    EXPECT_EQ(decoded->error().code, ErrorCode::kStaleBase);
    EXPECT_EQ(decoded->error().revision, 4u);
    EXPECT_EQ(decoded->error().lsn, 5u);
    for (const std::string* text : {&decoded->error().message, &decoded->error().key, &decoded->error().hint}) {
      EXPECT_FALSE(text->empty());
      for (std::size_t pos = 0; pos < text->size();) {
        ASSERT_NE(model::NextCharacter(*text, pos), model::kInvalidCharacter) << *text;
      }
    }
  }
}

TEST(ReplyCodec, RefusalsOfEveryCodeComeBack) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kOutOfMemory); ++code) {
    const Error error = base::MakeError(static_cast<ErrorCode>(code), "refused", "");
    const auto decoded = DecodeReply(EncodeReply(error, 1), 1);
    ASSERT_TRUE(decoded && !decoded->ok()) << ErrorCodeName(error.code);
    EXPECT_EQ(decoded->error().code, error.code);
  }
}

TEST(ReplyCodec, ARefusalThatNamesAHolderIsPutTogetherAgain) {
  LeaseInfo holder;
  holder.id = 12;
  holder.scopes = {"lib/**"};
  holder.mode = LeaseMode::kShared;
  holder.bound = true;
  holder.pid = 77;
  holder.writer = "builder@host";
  holder.host = "host";
  holder.purpose = "release";
  holder.granted_at_ms = 1'700'000'000'000;
  holder.age_ms = 5'000;
  holder.left_ms = 25'000;
  holder.waiters = 2;
  for (const bool own : {false, true}) {
    for (const std::string& what : {std::string("lib/a:1"), std::string(120, 'x')}) {
      Error error = lease::HeldError(what, holder, own);
      error.key = what;
      const auto decoded = DecodeReply(EncodeReply(error, 1), 1);
      ASSERT_TRUE(decoded && !decoded->ok());
      const Error& got = decoded->error();
      EXPECT_EQ(got.code, ErrorCode::kLeaseHeld);
      EXPECT_EQ(got.key, what.size() > 100 ? "" : what) << "half a key is none";
      EXPECT_EQ(got.hint, error.hint);
      EXPECT_EQ(got.retry_after_ms, 25'000u);
      EXPECT_EQ(*got.holder, holder);
      if (what.size() < 100) {
        EXPECT_EQ(got.message, error.message);
      }
    }
  }
}

TEST(ReplyCodec, ReceiptsComeBack) {
  for (const Outcome outcome : {Outcome::kCommitted, Outcome::kUnchanged, Outcome::kMerged, Outcome::kParked}) {
    for (const std::size_t operations : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
      Receipt receipt{9, outcome, 1'700'000'000'000, true, {}};
      for (std::size_t i = 0; i < operations; ++i) receipt.results.push_back({outcome, 4 + i});
      const auto decoded = DecodeReply(EncodeReply(receipt, operations), operations);
      ASSERT_TRUE(decoded && decoded->ok());
      EXPECT_EQ((*decoded)->lsn, 9u);
      EXPECT_EQ((*decoded)->outcome, outcome);
      EXPECT_TRUE((*decoded)->replayed);
      EXPECT_EQ((*decoded)->results, receipt.results);
    }
  }
}

/// Two committers answered at once, or the writer's own memory was overwritten: then the answer is asked for elsewhere.
TEST(ReplyCodec, WhatIsNoAnswerIsNone) {
  ingest::Reply reply = EncodeReply(Receipt{9, Outcome::kCommitted, 1, false, {{Outcome::kCommitted, 1}, {}}}, 2);
  ASSERT_TRUE(DecodeReply(reply, 2));
  reply.detail.pop_back();
  EXPECT_FALSE(DecodeReply(reply, 2));
  reply.whole = false;
  EXPECT_FALSE(DecodeReply(reply, 1));
  for (const ingest::AnswerState state : {ingest::AnswerState::kPending, ingest::AnswerState::kNotApplied}) {
    ingest::Reply other;
    other.state = state;
    EXPECT_FALSE(DecodeReply(other, 1));
  }
  Error plain = base::MakeError(ErrorCode::kNotFound, "lib/a:1 does not exist", "list");
  Error held = lease::HeldError("lib/a:1", LeaseInfo(), false);
  for (const Error& error : {plain, held}) {
    const ingest::Reply refusal = EncodeReply(error, 1);
    for (std::size_t length = 0; length < refusal.detail.size(); ++length) {
      ingest::Reply cut = refusal;
      cut.detail.resize(length);
      EXPECT_FALSE(DecodeReply(cut, 1)) << length;
    }
  }
  ingest::Reply unknown = EncodeReply(plain, 1);
  unknown.detail[0] = std::byte{0xff};
  EXPECT_FALSE(DecodeReply(unknown, 1)) << "no code of this version";
}

}  // namespace
}  // namespace tenure::commit
