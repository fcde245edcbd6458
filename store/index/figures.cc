// Figures about the index that no other query needs.
#include "store/base/error.h"
#include "store/index/index.h"
#include "store/index/reader_state.h"
#include "store/index/sqlite.h"

namespace tenure::index {

Result<std::uint64_t> IndexReader::FileBytes() const {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(state_->connection,
                                                        "SELECT c.page_count * s.page_size FROM"
                                                        " pragma_page_count() c, pragma_page_size() s"));
  TENURE_ASSIGN(const bool found, statement.Step());
  TENURE_CHECK(found);
  return statement.Unsigned(0);
}

}  // namespace tenure::index
