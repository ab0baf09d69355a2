#pragma once

// Seeds and sizes of tests: printed, and taken from the environment when they are there, so that a
// run can be repeated (WATERLINE_SEED) and made longer (tests/nightly). Thread safety: any thread.

#include <cstdio>
#include <cstdlib>
#include <random>

namespace waterline::testing {

inline int FromEnvironment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// The same all through a program.
inline unsigned Seed() {
  static const unsigned seed = [] {
    const char* text = std::getenv("WATERLINE_SEED");
    const unsigned value =
        text != nullptr ? static_cast<unsigned>(std::atoi(text)) : std::random_device{}();
    std::printf("seed %u (WATERLINE_SEED)\n", value);
    return value;
  }();
  return seed;
}

}  // namespace waterline::testing
