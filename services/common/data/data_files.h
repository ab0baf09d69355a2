#pragma once

// The files of services/common/data/files, compiled in. Thread safety: constants.

namespace waterline::data {

extern const char k_code_lists_file[];
extern const char k_indicators_file[];
extern const char k_conceptual_map_file[];
extern const char k_agreement_templates_file[];
extern const char k_agreement_charity_to_board_file[];
extern const char k_agreement_place_partnership_map_file[];
extern const char k_agreement_research_file[];

}  // namespace waterline::data
