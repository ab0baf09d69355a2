#include "clients/cli/form.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/time/time.h"
#include "clients/cli/map_grid.h"
#include "clients/cli/markup.h"
#include "services/common/data/code_lists.h"
#include "services/common/text/csv.h"

namespace waterline::cli {
namespace {

using events::v1::Event;
using events::v1::Indicator;

struct MissingCode {
  const char* code;
  const char* label;
};
// Those a person can choose; `not_asked` is for who types the answers in.
constexpr MissingCode kMissingCodes[] = {{"dont_know", "I do not know"},
                                         {"prefer_not_to_say", "I prefer not to say"},
                                         {"not_applicable", "Does not apply to me"}};

constexpr char kStyle[] = R"(
  @page { size: A4; margin: 16mm 16mm 18mm; }
  :root { color-scheme: light; }
  body { font: 13pt/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial,
         sans-serif; color: #111; background: #fff; max-width: 178mm; margin: 0 auto;
         padding: 4mm; }
  @media print { body { padding: 0; max-width: none; } }
  h1 { font-size: 24pt; line-height: 1.2; margin: 0 0 2mm; }
  h2 { font-size: 17pt; margin: 9mm 0 3mm; padding-bottom: 1mm; border-bottom: 0.6mm solid #111;
       break-after: avoid; }
  h3 { font-size: 13pt; margin: 3mm 0 0; }
  p, ul { margin: 2mm 0; }
  .when { font-size: 14pt; }
  .demonstration { border: 0.8mm solid #111; padding: 2mm 4mm; font-weight: 700; }
  .notice { border: 0.4mm solid #111; border-radius: 2mm; padding: 2mm 5mm; margin: 5mm 0;
            break-inside: avoid; }
  fieldset { border: 0; border-bottom: 0.2mm solid #999; margin: 0; padding: 3mm 0 4mm;
             break-inside: avoid; min-width: 0; }
  legend { font-size: 14pt; font-weight: 600; padding: 0; }
  .for { font-size: 11pt; margin: 0 0 1mm; }
  .choices { display: flex; flex-wrap: wrap; gap: 1mm 7mm; margin-top: 2mm; }
  .missing { font-size: 11.5pt; }
  label { display: inline-flex; align-items: center; gap: 2mm; min-height: 9mm; }
  .stacked label { width: 100%; }
  input { appearance: none; -webkit-appearance: none; flex: none; width: 6mm; height: 6mm;
          margin: 0; border: 0.5mm solid #111; border-radius: 1mm; background: #fff; }
  .missing input { width: 5mm; height: 5mm; }
  input:checked { background: linear-gradient(45deg, transparent 44%, #111 44% 56%, transparent
                  56%), linear-gradient(-45deg, transparent 44%, #111 44% 56%, transparent 56%);
                  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  input:focus-visible { outline: 1mm solid #005ea5; }
  footer { margin-top: 8mm; font-size: 10pt; }
  .code { font-size: 9pt; color: #555; font-weight: 400; }
)";

bool Asks(const Indicator& indicator, const std::string& group) {
  return std::find(indicator.respondent_groups().begin(), indicator.respondent_groups().end(),
                   group) != indicator.respondent_groups().end();
}

// The questions of the form, those of one practice beside one another.
std::vector<const Indicator*> QuestionsOf(const std::vector<Indicator>& indicators,
                                          const FormOptions& options) {
  std::vector<std::string> practices;
  for (const auto& indicator : indicators) {
    if (std::find(practices.begin(), practices.end(), indicator.practice()) == practices.end())
      practices.push_back(indicator.practice());
  }
  std::vector<const Indicator*> questions;
  for (const auto& practice : practices) {
    for (const auto& indicator : indicators) {
      if (indicator.practice() != practice) continue;
      if (!options.full && !indicator.short_form()) continue;
      if (!options.respondent_group.empty() && !Asks(indicator, options.respondent_group)) continue;
      questions.push_back(&indicator);
    }
  }
  return questions;
}

std::vector<std::string> AllGroups() {
  std::vector<std::string> groups;
  if (const auto* list = data::FindCodeList("respondent_group")) {
    for (const auto& code : list->codes) groups.push_back(code.code);
  }
  return groups;
}

std::string GroupLabel(const std::string& group) {
  const auto* code = data::FindCode("respondent_group", group);
  return code == nullptr ? group : code->label;
}

// trust -> Trust
std::string Heading(std::string node) {
  std::replace(node.begin(), node.end(), '_', ' ');
  if (!node.empty() && node[0] >= 'a' && node[0] <= 'z') node[0] = static_cast<char>(node[0] - 32);
  return node;
}

// The day of the event where it takes place; empty when it has none.
std::string EventDay(const Event& event) {
  if (!event.has_starts_at()) return "";
  absl::TimeZone zone;
  if (event.time_zone().empty() || !absl::LoadTimeZone(event.time_zone(), &zone))
    zone = absl::UTCTimeZone();
  const auto start = absl::FromUnixSeconds(event.starts_at().seconds());
  return DayText(absl::FormatTime("%Y-%m-%d", start, zone));
}

std::string Paragraph(const char* style, const std::string& text) {
  if (text.empty()) return "";
  const std::string attribute = *style == 0 ? "" : fmt::format(" class=\"{}\"", style);
  return fmt::format("<p{}>{}</p>\n", attribute, EscapeMarkup(text));
}

std::string ListOf(const char* heading,
                   const google::protobuf::RepeatedPtrField<std::string>& items) {
  if (items.empty()) return "";
  std::string out = fmt::format("<h3>{}</h3>\n<ul>\n", heading);
  for (const auto& item : items) out += "<li>" + EscapeMarkup(item) + "</li>\n";
  return out + "</ul>\n";
}

std::string HeadHtml(const Event& event) {
  std::string out = "<header>\n";
  if (event.demonstration()) out += Paragraph("demonstration", kDemonstration);
  out += fmt::format("<h1>{}</h1>\n",
                     EscapeMarkup(event.title().empty() ? event.name() : event.title()));
  out += Paragraph("when", EventDay(event));
  out += Paragraph("", event.purpose());
  if (!event.question().empty()) out += Paragraph("", "The question: " + event.question());
  out += ListOf("What is open", event.what_is_open());
  out += ListOf("What is already decided", event.what_is_decided());
  return out + "</header>\n";
}

std::string NoticeHtml(const Event& event) {
  std::string out =
      "<section class=\"notice\" aria-labelledby=\"notice\">\n"
      "<h3 id=\"notice\">Who holds what you say</h3>\n"
      "<p>The organisation that runs this event holds your answers. It uses them to learn how "
      "well people and organisations work together. Other organisations see answers only where "
      "an agreement allows it, and every such reading is recorded.</p>\n"
      "<p>Please do not write your name, or anything that says who you are. Results are shown "
      "only when at least 8 people stand behind them. You may leave out any question.</p>\n";
  if (!event.notice_version().empty()) {
    out += Paragraph("", "The full privacy notice is version " + event.notice_version() +
                             "; the people running this event have it.");
  }
  return out + "</section>\n";
}

std::string ChoiceHtml(const std::string& name, const std::string& value, const std::string& label,
                       bool checked) {
  return fmt::format("<label><input type=\"radio\" name=\"{}\" value=\"{}\"{}> {}</label>\n",
                     EscapeMarkup(name), EscapeMarkup(value), checked ? " checked" : "",
                     EscapeMarkup(label));
}

std::string GroupsHtml(const std::string& only) {
  std::string out =
      "<fieldset>\n<legend>I answer as (tick one)</legend>\n<div class=\"choices stacked\">\n";
  const auto groups = only.empty() ? AllGroups() : std::vector<std::string>{only};
  for (const auto& group : groups)
    out += ChoiceHtml("respondent_group", group, GroupLabel(group), !only.empty());
  return out + "</div>\n</fieldset>\n";
}

// Whom a question is for, when not everybody is asked it.
std::string AskedOfHtml(const Indicator& indicator, const FormOptions& options) {
  if (!options.respondent_group.empty()) return "";
  std::string names;
  bool asks_all = true;
  for (const auto& group : AllGroups()) {
    if (!Asks(indicator, group))
      asks_all = false;
    else
      names += (names.empty() ? "" : "; ") + GroupLabel(group);
  }
  return asks_all || names.empty() ? "" : Paragraph("for", "Only if you answer as: " + names);
}

std::string QuestionHtml(const Indicator& indicator, size_t number, const FormOptions& options) {
  std::string out = fmt::format("<fieldset>\n<legend>{}. {}</legend>\n", number,
                                EscapeMarkup(indicator.wording()));
  out += AskedOfHtml(indicator, options);
  out += "<div class=\"choices\">\n";
  for (int i = 0; i < indicator.categories_size(); ++i)
    out += ChoiceHtml(indicator.id(), std::to_string(i), Heading(indicator.categories(i)), false);
  out += "</div>\n<div class=\"choices missing\">\n";
  for (const auto& missing : kMissingCodes)
    out += ChoiceHtml(indicator.id(), missing.code, missing.label, false);
  out += fmt::format("</div>\n<span class=\"code\" aria-hidden=\"true\">{}</span>\n</fieldset>\n",
                     EscapeMarkup(indicator.id()));
  return out;
}

std::string QuestionsHtml(const std::vector<const Indicator*>& questions,
                          const FormOptions& options) {
  if (questions.empty()) return "<p>None of these questions is asked of this group.</p>\n";
  std::string out;
  for (size_t i = 0; i < questions.size(); ++i) {
    const std::string& practice = questions[i]->practice();
    if (i == 0 || practice != questions[i - 1]->practice())
      out += fmt::format("<h2>{}</h2>\n", EscapeMarkup(Heading(practice)));
    out += QuestionHtml(*questions[i], i + 1, options);
  }
  return out;
}

// 0 not at all; 1 a little; ...
std::string AnswersText(const Indicator& indicator) {
  std::string out;
  for (int i = 0; i < indicator.categories_size(); ++i)
    out += fmt::format("{}{} {}", i == 0 ? "" : "; ", i, indicator.categories(i));
  return out;
}

}  // namespace

std::string FormHtml(const Event& event, const std::vector<Indicator>& indicators,
                     const FormOptions& options) {
  const std::string title = EscapeMarkup(event.title().empty() ? event.name() : event.title());
  return "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         title + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n" + HeadHtml(event) +
         NoticeHtml(event) + "<main>\n<form>\n" + GroupsHtml(options.respondent_group) +
         QuestionsHtml(QuestionsOf(indicators, options), options) +
         "</form>\n</main>\n<footer>\n<p>Thank you. Please hand this sheet to the people running "
         "the event.</p>\n<p class=\"code\">" +
         EscapeMarkup(event.name()) + "</p>\n</footer>\n</body>\n</html>\n";
}

std::string FormCsv(const Event&, const std::vector<Indicator>& indicators,
                    const FormOptions& options) {
  std::string out =
      "source_id,indicator,respondent_group,value,missing,informant,collected_on,counts,"
      "question,answers\n";
  for (const auto* question : QuestionsOf(indicators, options)) {
    for (const auto& group : question->respondent_groups()) {
      if (!options.respondent_group.empty() && group != options.respondent_group) continue;
      const std::string source_id = "sheet-1/" + question->id() + "/" + group;
      out +=
          fmt::format("{},{},{},,,,,,{},{}\n", text::CsvField(source_id),
                      text::CsvField(question->id()), text::CsvField(group),
                      text::CsvField(question->wording()), text::CsvField(AnswersText(*question)));
    }
  }
  return out;
}

}  // namespace waterline::cli
