// Clang's thread-safety attributes (-Wthread-safety); nothing under other compilers.
#pragma once

#if defined(__clang__)
#define TENURE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define TENURE_THREAD_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) TENURE_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY TENURE_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) TENURE_THREAD_ATTRIBUTE(guarded_by(x))
#define PT_GUARDED_BY(x) TENURE_THREAD_ATTRIBUTE(pt_guarded_by(x))
#define ACQUIRED_BEFORE(...) TENURE_THREAD_ATTRIBUTE(acquired_before(__VA_ARGS__))
#define ACQUIRED_AFTER(...) TENURE_THREAD_ATTRIBUTE(acquired_after(__VA_ARGS__))
#define REQUIRES(...) TENURE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) TENURE_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) TENURE_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) TENURE_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define EXCLUDES(...) TENURE_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ASSERT_CAPABILITY(x) TENURE_THREAD_ATTRIBUTE(assert_capability(x))
#define RETURN_CAPABILITY(x) TENURE_THREAD_ATTRIBUTE(lock_returned(x))
#define NO_THREAD_SAFETY_ANALYSIS TENURE_THREAD_ATTRIBUTE(no_thread_safety_analysis)
