// A request as it travels through the lanes, and its answer on the way back.
//
// Between processes that map one segment, so of one layout version: not a file format. Decoding trusts nothing;
// what does not decode gives the slot up. Values are normalised already by the process that submits them.
#pragma once

#include <optional>

#include "store/base/codec.h"
#include "store/commit/decide.h"
#include "store/ingest/completion.h"

namespace tenure::commit {

void EncodeRequest(const Request& request, base::Bytes& out);
/// Into `request`, whatever it was: its memory is used again. False: not what EncodeRequest writes.
bool DecodeRequest(base::ByteView bytes, Request& request);

/// Gives back the memory of a large request that is over: what is used again is enough for a small one.
void ShedMemory(Request& request);

/// Bytes that the answer may need besides LSN, revision and time.
std::size_t ReplyBytesMax(const Request& request);
/// `operations`: of the request; the results of a single one travel in the completion cell itself.
ingest::Reply EncodeReply(const Result<Receipt>& answer, std::size_t operations);
/// The answer; nullopt: ask elsewhere (a part of it is missing), or submit again, as `reply.state` says.
std::optional<Result<Receipt>> DecodeReply(const ingest::Reply& reply, std::size_t operations);

}  // namespace tenure::commit
