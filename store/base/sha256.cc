// SHA-256 by libcrypto's own functions rather than by EVP.
//
// Both run the same code with the CPU's SHA instructions. But the first EVP call of a process reads the
// configuration file and registers every algorithm of the default provider: with OpenSSL 3.0 that is
// about 1 ms of start-up (0.5 ms without the file, which a library may not switch off for its host),
// as much as a whole `tenure put` may spend on itself. These functions need none of it and save the
// dispatch of each message as well (0.25 against 0.29 us for 400 bytes). OpenSSL 3 marks them as
// deprecated in favour of EVP; an OpenSSL built without them fails to compile here, not at run time.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "store/base/error.h"
#include "store/base/hash.h"

namespace tenure::base {
namespace {

void Start(SHA256_CTX& context) { TENURE_CHECK(SHA256_Init(&context) == 1); }

void Extend(SHA256_CTX& context, ByteView data) {
  TENURE_CHECK(SHA256_Update(&context, data.data(), data.size()) == 1);
}

Hash256 End(SHA256_CTX& context) {
  static_assert(sizeof(Hash256) == SHA256_DIGEST_LENGTH);
  Hash256 digest;
  TENURE_CHECK(SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &context) == 1);
  return digest;
}

}  // namespace

struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { Start(state_->context); }

Sha256::~Sha256() = default;

void Sha256::Update(ByteView data) { Extend(state_->context, data); }

Hash256 Sha256::Finish() {
  const Hash256 digest = End(state_->context);
  Start(state_->context);
  return digest;
}

Hash256 Sha256Of(ByteView data) {
  SHA256_CTX context;
  Start(context);
  Extend(context, data);
  return End(context);
}

}  // namespace tenure::base
