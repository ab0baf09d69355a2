#include "clients/demonstration/answers.h"

#include <algorithm>

namespace waterline::demonstration {
namespace {

// Per cent of answers in each category, from "not at all" to "completely".
constexpr int kFivePoint[5][5] = {
    {34, 34, 20, 9, 3},  {18, 32, 28, 16, 6}, {9, 20, 33, 26, 12},
    {3, 10, 22, 40, 25}, {1, 4, 13, 38, 44},
};
constexpr int kYes[5] = {12, 28, 50, 74, 90};

constexpr int kEventMoodPercent = 25;
constexpr int kPersonMoodPercent = 30;

int DrawFivePoint(Quality quality, Random* random) {
  int rest = random->Below(100);
  int category = 0;
  for (const int percent : kFivePoint[static_cast<int>(quality)]) {
    if (rest < percent) return category;
    rest -= percent;
    ++category;
  }
  return 4;
}

}  // namespace

int DrawMood(Random* random) {
  const int draw = random->Below(100);
  if (draw < 14) return -1;
  return draw < 28 ? 1 : 0;
}

uint32_t DrawValue(const data::Indicator& indicator, Quality quality, int event_mood,
                   int person_mood, Random* random) {
  const int top = indicator.categories() - 1;
  int value = 0;
  if (indicator.scale == data::Scale::kYN) {
    value = random->Percent(kYes[static_cast<int>(quality)] + 5 * event_mood) ? 1 : 0;
  } else {
    value = DrawFivePoint(quality, random);
    if (random->Percent(kEventMoodPercent)) value += event_mood;
    if (random->Percent(kPersonMoodPercent)) value += person_mood;
    value = std::clamp(value, 0, top);
  }
  return static_cast<uint32_t>(indicator.reverse ? top - value : value);
}

}  // namespace waterline::demonstration
