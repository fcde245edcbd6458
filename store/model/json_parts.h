// Pieces that several JSON forms share. Private to this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/model/json_writer.h"
#include "tenure/transaction.h"

namespace tenure::model {

/// Annotations as they go into an object. What a store holds is canonical; a text that is no object
/// (a caller's own struct, an index edited by hand) is shown as a string, so that the line stays JSON.
std::string AnnotationsText(const std::string& annotations);
void WriteAnnotations(ObjectWriter& w, const std::string& annotations);
/// digest, size, mediaType, urls, annotations: each left out when absent.
void WriteContent(ObjectWriter& w, const std::string& digest, const std::optional<std::uint64_t>& size,
                  const std::string& media_type, const std::vector<std::string>& urls);

}  // namespace tenure::model
