#pragma once

// The questions of an event to print, and the file to type the answers into. Neither asks for
// anything that says who somebody is. Thread safety: pure functions.

#include <string>
#include <vector>

#include "waterline/events/v1/events.pb.h"

namespace waterline::cli {

struct FormOptions {
  bool full = false;             // All questions; otherwise those of the short form.
  std::string respondent_group;  // Only what this group is asked; empty: what any group is asked.
};

// A page of HTML to print on A4: no scripts, nothing loaded from elsewhere.
std::string FormHtml(const events::v1::Event& event,
                     const std::vector<events::v1::Indicator>& indicators,
                     const FormOptions& options);

// The file that `waterline import responses` takes (services/events/domain/response_file.h): one
// row per question and respondent group asked, to fill in `value`, `missing` or `counts`; rows left
// empty are read over. For another sheet, copy the rows and say sheet-2 in source_id. Two further
// columns, which the import passes over, hold the question and what its values mean.
std::string FormCsv(const events::v1::Event& event,
                    const std::vector<events::v1::Indicator>& indicators,
                    const FormOptions& options);

}  // namespace waterline::cli
