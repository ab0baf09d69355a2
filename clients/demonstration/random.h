#pragma once

// The generator's own random numbers: SplitMix64 with whole-number draws only, so that the same
// seed gives the same numbers on any machine, compiler and standard library. Not for keys. Thread
// safety: one thread.

#include <cstdint>
#include <string_view>

namespace waterline::demonstration {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // A stream of its own for everything that has a name: what one event draws never moves another.
  static Random Of(uint64_t seed, std::string_view name) {
    uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a.
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return Random(hash ^ (seed * 0x9e3779b97f4a7c15ULL));
  }

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  // 0 to bound - 1; bound > 0. The bias of the remainder is below 1e-12 for the bounds used here.
  int Below(int bound) { return static_cast<int>(Next() % static_cast<uint64_t>(bound)); }
  int Between(int low, int high) { return low + Below(high - low + 1); }
  bool Percent(int percent) { return Below(100) < percent; }

 private:
  uint64_t state_;
};

}  // namespace waterline::demonstration
