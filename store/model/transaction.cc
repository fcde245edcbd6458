#include "tenure/transaction.h"

namespace tenure {

const char* OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kCommitted:
      return "committed";
    case Outcome::kUnchanged:
      return "unchanged";
    case Outcome::kMerged:
      return "merged";
    case Outcome::kParked:
      return "parked";
  }
  return "unknown";
}

}  // namespace tenure
