// Scopes and rows for the tests of this room.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "lease/table.h"

namespace tenure::lease::testing {

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.error().message;
    std::abort();
  }
  return std::move(result).value();
}

inline std::vector<Scope> Scopes(const std::vector<std::string>& texts) { return Must(ParseScopes(texts)); }

inline model::LeaseRow Row(Lsn id, std::vector<std::string> scopes, std::uint32_t slot,
                           LeaseMode mode = LeaseMode::kExclusive) {
  model::LeaseRow row;
  row.info.id = id;
  row.info.scopes = std::move(scopes);
  row.info.mode = mode;
  row.info.ttl_ms = 1'000;
  row.info.writer = "w" + std::to_string(id);
  row.slot = slot;
  return row;
}

/// From a small alphabet, so that scopes meet.
inline rc::Gen<std::string> AnyScope() {
  return rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 5), rc::gen::inRange(1, 4),
                                     rc::gen::container<std::vector<char>>(3, rc::gen::element('a', 'b'))),
                      [](const std::tuple<int, int, std::vector<char>>& parts) {
                        std::string name;
                        for (int i = 0; i < std::get<1>(parts); ++i)
                          name += (i == 0 ? "" : "/") + std::string(1, std::get<2>(parts)[i]);
                        switch (std::get<0>(parts)) {
                          case 0:
                            return name + ":1";
                          case 1:
                            return name + "@1";
                          case 2:
                            return name;
                          case 3:
                            return name + "/**";
                          default:
                            return std::string("**");
                        }
                      });
}

inline StandingOf AllOpen() {
  return [](const model::LeaseRow&) { return Standing::kOpen; };
}

}  // namespace tenure::lease::testing
