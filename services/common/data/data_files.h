#pragma once

// The files of services/common/data/files, compiled in. Thread safety: constants.

namespace waterline::data {

extern const char k_code_lists_file[];
extern const char k_indicators_file[];
extern const char k_conceptual_map_file[];

}  // namespace waterline::data
