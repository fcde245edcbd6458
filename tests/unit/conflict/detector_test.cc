#include "conflict/detector.h"

#include <gtest/gtest.h>

#include <optional>

namespace tenure::conflict {
namespace {

ArtifactEntry Row(Revision revision, bool deleted = false) {
  ArtifactEntry row;
  row.name = "app";
  row.version = "1";
  row.digest = "sha256:aa";
  row.revision = revision;
  row.lsn = 40 + revision;
  row.deleted = deleted;
  return row;
}

Operation Put() {
  Operation op;
  op.kind = OpKind::kPut;
  op.name = "app";
  op.version = "1";
  return op;
}

struct Case {
  const char* what;
  Operation op;
  std::optional<ArtifactEntry> row;
  std::optional<ErrorCode> expected;
};

TEST(Detector, HardConditionsOfEntries) {
  Operation patch = Put();
  patch.kind = OpKind::kPatch;
  Operation remove = Put();
  remove.kind = OpKind::kDelete;
  const Case cases[] = {
      {"no condition, nothing there", Put(), std::nullopt, std::nullopt},
      {"no condition, live row", Put(), Row(3), std::nullopt},
      {"if_absent, nothing there", Put().IfAbsent(), std::nullopt, std::nullopt},
      {"if_absent, tombstone", Put().IfAbsent(), Row(3, true), std::nullopt},
      {"if_absent, live row", Put().IfAbsent(), Row(3), ErrorCode::kExists},
      {"if_revision 0 is if_absent", Put().IfRevision(0), Row(3), ErrorCode::kExists},
      {"if_revision 0, tombstone", Put().IfRevision(0), Row(3, true), std::nullopt},
      {"if_revision, same", Put().IfRevision(3), Row(3), std::nullopt},
      {"if_revision, older", Put().IfRevision(2), Row(3), ErrorCode::kRevisionMismatch},
      {"if_revision, newer", Put().IfRevision(4), Row(3), ErrorCode::kRevisionMismatch},
      {"if_revision, nothing there", Put().IfRevision(1), std::nullopt, ErrorCode::kRevisionMismatch},
      {"if_revision of a tombstone", Put().IfRevision(3), Row(3, true), ErrorCode::kRevisionMismatch},
      {"if_digest, same", Put().IfDigest("sha256:aa"), Row(3), std::nullopt},
      {"if_digest, other", Put().IfDigest("sha256:bb"), Row(3), ErrorCode::kDigestMismatch},
      {"if_digest, tombstone", Put().IfDigest("sha256:aa"), Row(3, true), ErrorCode::kDigestMismatch},
      {"if_digest, nothing there", Put().IfDigest("sha256:aa"), std::nullopt, ErrorCode::kDigestMismatch},
      {"patch of nothing", patch, std::nullopt, ErrorCode::kNotFound},
      {"patch of a tombstone", patch, Row(2, true), ErrorCode::kNotFound},
      {"patch of a live row", patch, Row(2), std::nullopt},
      {"delete of nothing", remove, std::nullopt, ErrorCode::kNotFound},
      {"delete of a live row", remove, Row(2), std::nullopt},
  };
  for (const Case& c : cases) {
    const auto error = CheckEntryConditions(c.op, c.row ? &*c.row : nullptr);
    ASSERT_EQ(error.has_value(), c.expected.has_value()) << c.what;
    if (!error) continue;
    EXPECT_EQ(error->code, *c.expected) << c.what;
    EXPECT_EQ(error->key, "app:1") << c.what;
    EXPECT_NE(error->message.find("app:1"), std::string::npos) << c.what;
    EXPECT_FALSE(error->hint.empty()) << c.what;
    EXPECT_EQ(error->revision, c.row ? c.row->revision : 0) << c.what;
  }
}

TEST(Detector, StaleBaseOfEntries) {
  struct BaseCase {
    Revision base;
    std::optional<ArtifactEntry> row;
    bool stale;
  };
  const BaseCase cases[] = {
      {0, std::nullopt, false}, {0, Row(2, true), false}, {0, Row(2), true},       {2, Row(2), false},
      {2, Row(2, true), false}, {1, Row(2), true},        {1, Row(2, true), true}, {1, std::nullopt, true},
  };
  for (const BaseCase& c : cases) {
    const auto error = CheckEntryBase(Put().Base(c.base), c.row ? &*c.row : nullptr);
    EXPECT_EQ(error.has_value(), c.stale) << "base " << c.base;
    if (error) {
      const bool deleted = c.base != 0 && c.row && c.row->deleted;
      EXPECT_EQ(error->code, deleted ? ErrorCode::kDeletedSince : ErrorCode::kStaleBase);
      EXPECT_EQ(KindOf(Put().Base(c.base), *error), c.base == 0 ? ConflictKind::kExists
                                                    : deleted   ? ConflictKind::kDeleted
                                                                : ConflictKind::kStaleBase);
      EXPECT_NE(error->message.find(std::to_string(c.base)), std::string::npos);
    }
  }
  const ArtifactEntry row = Row(7);
  EXPECT_FALSE(CheckEntryBase(Put(), &row)) << "no base named: never stale";
}

TEST(Detector, DeletedUnderMeSaysWhereItWasDeleted) {
  const ArtifactEntry row = Row(5, true);
  const auto error = CheckEntryBase(Put().Base(4), &row);
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("deleted at LSN 45"), std::string::npos) << error->message;
  EXPECT_EQ(error->lsn, Lsn{45});
}

TEST(Detector, ADigestThatIsNotThereIsSaid) {
  ArtifactEntry row = Row(3);
  EXPECT_EQ(CheckEntryConditions(Put().IfDigest("sha256:bb"), &row)->message,
            "app:1 has digest sha256:aa, not sha256:bb");
  row.digest.clear();
  EXPECT_EQ(CheckEntryConditions(Put().IfDigest("sha256:bb"), &row)->message, "app:1 has no digest, not sha256:bb");
  EXPECT_EQ(CheckEntryConditions(Put().IfDigest("sha256:bb"), nullptr)->message, "app:1 does not exist, not sha256:bb");
}

/// Whoever names what it saw is told that it was deleted since, by CheckEntryBase, and not that there is nothing.
TEST(Detector, WhatWasDeletedSinceIsNotJustMissing) {
  const ArtifactEntry gone = Row(5, true);
  TagEntry tag;
  tag.name = "app";
  tag.tag = "prod";
  tag.revision = 5;
  tag.lsn = 45;
  tag.deleted = true;
  for (const OpKind kind : {OpKind::kPatch, OpKind::kDelete}) {
    Operation op = Put();
    op.kind = kind;
    EXPECT_FALSE(CheckEntryConditions(Operation(op).Base(4), &gone));
    EXPECT_EQ(CheckEntryBase(Operation(op).Base(4), &gone)->code, ErrorCode::kDeletedSince);
    EXPECT_EQ(CheckEntryConditions(Operation(op).Base(5), &gone)->code, ErrorCode::kNotFound) << "it saw the tombstone";
    EXPECT_EQ(CheckEntryConditions(Operation(op).Base(0), &gone)->code, ErrorCode::kNotFound);
    EXPECT_EQ(CheckEntryConditions(Operation(op).Base(4), nullptr)->code, ErrorCode::kNotFound);
  }
  Operation remove = Put();
  remove.kind = OpKind::kDeleteTag;
  remove.tag = "prod";
  EXPECT_FALSE(CheckTagConditions(Operation(remove).Base(4), &tag));
  const auto since = CheckTagBase(Operation(remove).Base(4), &tag);
  ASSERT_TRUE(since);
  EXPECT_EQ(since->code, ErrorCode::kDeletedSince);
  EXPECT_EQ(since->message, "app@prod was deleted at LSN 45 (revision 5); the write was based on revision 4");
  EXPECT_FALSE(CheckTagBase(remove, &tag)) << "no base named";
  EXPECT_FALSE(CheckTagBase(Operation(remove).Base(0), nullptr));
  EXPECT_FALSE(CheckTagBase(Operation(remove).Base(0), &tag));
  EXPECT_EQ(CheckTagBase(Operation(remove).Base(3), nullptr)->message,
            "app@prod does not exist; the write was based on revision 3");
}

TEST(Detector, ConditionsOfTags) {
  TagEntry row;
  row.name = "app";
  row.tag = "prod";
  row.version = "1";
  row.revision = 2;
  Operation set;
  set.kind = OpKind::kSetTag;
  set.name = "app";
  set.tag = "prod";
  set.version = "2";
  EXPECT_FALSE(CheckTagConditions(set, nullptr));
  EXPECT_FALSE(CheckTagConditions(Operation(set).IfVersion("1"), &row));
  EXPECT_EQ(CheckTagConditions(Operation(set).IfVersion("9"), &row)->code, ErrorCode::kVersionMismatch);
  EXPECT_EQ(CheckTagConditions(Operation(set).IfVersion("1"), nullptr)->code, ErrorCode::kVersionMismatch);
  EXPECT_EQ(CheckTagBase(Operation(set).Base(1), &row)->code, ErrorCode::kStaleBase);
  EXPECT_FALSE(CheckTagBase(Operation(set).Base(2), &row));
  Operation remove = set;
  remove.kind = OpKind::kDeleteTag;
  EXPECT_FALSE(CheckTagConditions(remove, &row));
  EXPECT_EQ(CheckTagConditions(remove, nullptr)->code, ErrorCode::kNotFound);
  row.deleted = true;
  EXPECT_EQ(CheckTagConditions(remove, &row)->code, ErrorCode::kNotFound);
  EXPECT_EQ(CheckTagConditions(remove, &row)->key, "app@prod");
}

TEST(Detector, SameContentLooksAtEveryContentField) {
  ArtifactEntry row = Row(1);
  row.size = 5;
  row.media_type = "a/b";
  row.urls = {"u"};
  row.annotations = R"({"k":1})";
  Operation same = Put();
  same.digest = row.digest;
  same.size = row.size;
  same.media_type = row.media_type;
  same.urls = row.urls;
  same.annotations = row.annotations;
  EXPECT_TRUE(SameContent(same, row));
  const auto differs = [&](auto change) {
    Operation op = same;
    change(op);
    return !SameContent(op, row);
  };
  EXPECT_TRUE(differs([](Operation& op) { op.digest = "sha256:bb"; }));
  EXPECT_TRUE(differs([](Operation& op) { op.size = std::nullopt; }));
  EXPECT_TRUE(differs([](Operation& op) { op.media_type.clear(); }));
  EXPECT_TRUE(differs([](Operation& op) { op.urls.push_back("v"); }));
  EXPECT_TRUE(differs([](Operation& op) { op.annotations = "{}"; }));
  row.deleted = true;
  EXPECT_FALSE(SameContent(same, row)) << "a tombstone has no content";
}

}  // namespace
}  // namespace tenure::conflict
