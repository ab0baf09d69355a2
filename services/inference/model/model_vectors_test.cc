// The numbers of an independent reference implementation: scalar.json, the filter parts of
// case_*.json and edge.json, and, on the reference's own posterior, the answers of those files.
// Reads the folder named by WATERLINE_MODEL_VECTORS, by default the project's copy; tolerances are
// those of the README in that folder.

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/inference/model/filter.h"
#include "services/inference/model/functionals.h"
#include "services/inference/model/scalar.h"
#include "services/inference/model/track.h"

namespace waterline::model {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

std::filesystem::path Folder() {
  const char* named = std::getenv("WATERLINE_MODEL_VECTORS");
  return named != nullptr && *named != '\0' ? named : WATERLINE_MODEL_VECTORS_DEFAULT;
}

// A file of vectors and the parser that owns its text.
class File {
 public:
  explicit File(const std::string& name) : root_(parser_.load((Folder() / name).string())) {}
  element operator[](const char* key) const { return root_[key]; }
  element root() const { return root_; }

 private:
  simdjson::dom::parser parser_;
  element root_;
};

bool Has(element object, const char* key) {
  element value;
  return object[key].get(value) == simdjson::SUCCESS && !value.is_null();
}

// Numbers, or "inf" and "-inf".
double Number(element value) {
  if (!value.is_string()) return value.get_double();
  const std::string_view text = value.get_string();
  return (text == "-inf" ? -1 : 1) * std::numeric_limits<double>::infinity();
}

std::vector<double> Numbers(element values) {
  std::vector<double> numbers;
  for (element value : array(values)) numbers.push_back(Number(value));
  return numbers;
}

std::string Text(element value) { return std::string(std::string_view(value)); }

Item ReadItem(element json) {
  Item item;
  item.id = Text(json["id"]);
  for (element cell : array(json["cells"])) {
    item.loadings.push_back({static_cast<int>(int64_t(cell.at(0))), Number(cell.at(1))});
  }
  item.alpha = Number(json["alpha"]);
  item.thresholds = Numbers(json["beta"]);
  item.reverse = Has(json, "reverse") && bool(json["reverse"]);
  return item;
}

Model ReadModel(element json) {
  const element par = json["par"];
  Parameters p;
  p.perspectives = static_cast<int>(int64_t(par["R"]));
  p.scale = Number(par["s"]);
  p.rho_practice = Number(par["rho_practice"]);
  p.rho_element = Number(par["rho_element"]);
  p.rho_perspective = Number(par["rho_perspective"]);
  p.tau_days = Number(par["tau_days"]);
  p.sigma_event = Number(par["sigma_event"]);
  p.sigma_event_perspective = Number(par["sigma_event_perspective"]);
  p.sigma_event_item = Number(par["sigma_event_item"]);
  p.sigma_informant = Number(par["sigma_informant"]);
  p.index_alpha = Number(par["index_alpha"]);
  p.index_beta = Number(par["index_beta"]);
  p.mu = Numbers(json["mu"]);
  for (element item : array(json["items"])) p.items.push_back(ReadItem(item));
  return Model::Create(p).value();
}

// Nothing for a missing answer. A response outside the scale becomes counts of a wrong length, as a
// caller that maps answers to categories would refuse it.
std::optional<Observation> ReadObservation(const Model& model, element json) {
  Observation o;
  o.indicator = model.FindItem(Text(json["indicator"])).value_or(-1);
  if (Has(json, "perspective")) o.perspective = static_cast<int>(int64_t(json["perspective"]));
  if (Has(json, "informant")) o.informant = Text(json["informant"]);
  if (Has(json, "counts")) {
    o.counts = Numbers(json["counts"]);
    return o;
  }
  if (!Has(json, "response")) return std::nullopt;
  const int64_t response = json["response"];
  const int categories = o.indicator < 0 ? 0 : model.item(o.indicator).categories();
  if (response < 0 || response >= categories) return o;
  const double weight = Has(json, "weight") ? Number(json["weight"]) : 1.0;
  o.counts = SingleAnswer(static_cast<int>(response), categories, weight);
  return o;
}

EventEvidence ReadEvent(const Model& model, element json) {
  EventEvidence event{Text(json["id"]), DayOf(Number(json["t"])).value(), {}};
  for (element item : array(json["items"])) {
    if (auto observation = ReadObservation(model, item)) event.observations.push_back(*observation);
  }
  return event;
}

void ExpectRelative(double got, double wanted, double tolerance, const std::string& what) {
  EXPECT_NEAR(got, wanted, tolerance * std::max(1.0, std::abs(wanted))) << what;
}

void ExpectVector(const Eigen::VectorXd& got, element wanted, double tolerance,
                  const std::string& what) {
  const auto numbers = Numbers(wanted);
  ASSERT_EQ(static_cast<size_t>(got.size()), numbers.size());
  for (size_t j = 0; j < numbers.size(); ++j) {
    EXPECT_NEAR(got[static_cast<Eigen::Index>(j)], numbers[j], tolerance) << what << " " << j;
  }
}

void ExpectPrediction(const Prediction& got, element wanted, double tolerance,
                      const std::string& what) {
  ExpectVector(got.mean, wanted["mean"], tolerance, what + " mean");
  ExpectVector(got.covariance.diagonal().cwiseSqrt(), wanted["sd"], tolerance, what + " sd");
  if (!Has(wanted, "cov")) return;
  Eigen::Index row = 0;
  for (element values : array(wanted["cov"])) {
    ExpectVector(got.covariance.row(row++), values, tolerance, what + " cov");
  }
}

// The bins as the filter sees them, day by day, through the same Track as in the product.
void ExpectBins(const Model& model, const std::vector<EventEvidence>& events, element wanted,
                double tolerance, const std::string& what) {
  std::map<int64_t, Bin> bins;
  for (EventEvidence event : events) {
    Bin& bin = bins[event.day];
    bin.day = event.day;
    for (Observation& o : event.observations) {
      o.event = event.id;
      bin.observations.push_back(o);
    }
  }
  State state = Prior(model);
  auto next = bins.begin();
  for (element expected : array(wanted)) {
    ASSERT_NE(next, bins.end());
    const auto result = Absorb(model, (next++)->second, state, kVectorPrecision);
    ASSERT_TRUE(result.ok()) << result.status();
    const std::string where = what + " day " + std::to_string(state.day);
    EXPECT_EQ(state.day, int64_t(expected["t"]));
    EXPECT_EQ(result->sites, int64_t(expected["n_sites"])) << where;
    EXPECT_TRUE(result->has_converged) << where;
    ExpectRelative(result->log_score, Number(expected["log_score"]), tolerance,
                   where + " log score");
    ExpectPrediction(*Predict(model, state, static_cast<double>(state.day)), expected, tolerance,
                     where);
  }
  EXPECT_EQ(next, bins.end());
}

void ExpectFilter(const Model& model, element scope, double tolerance, const std::string& what) {
  std::vector<EventEvidence> events;
  for (element event : array(scope["events"])) events.push_back(ReadEvent(model, event));
  const element expected = scope["expected"]["filter"];
  ExpectBins(model, events, expected["bins"], tolerance, what);

  Track track(model, kVectorPrecision);
  for (const auto& event : events) ASSERT_TRUE(track.Insert(event).ok());
  const auto state = track.Current();
  ASSERT_TRUE(state.ok()) << state.status();
  double log_score = 0;
  for (const auto& [day, result] : track.results()) log_score += result.log_score;
  ExpectRelative(log_score, Number(expected["log_score"]), tolerance, what + " total log score");
  const element as_of = expected["as_of"];
  ExpectPrediction(*Predict(model, *state, Number(as_of["t"])), as_of, tolerance, what + " as of");
}

// The answers of a file rest on its smoothed posterior: put it in as a state.
void ExpectAnswers(const Model& model, element expected, double tolerance,
                   const std::string& what) {
  const element as_of = expected["smooth"]["as_of"];
  State state = Prior(model);
  state.bins = 1;
  const auto mean = Numbers(as_of["mean"]);
  Eigen::Index row = 0;
  for (element values : array(as_of["cov"])) {
    const auto numbers = Numbers(values);
    state.mean[row] = mean[static_cast<size_t>(row)] - model.mu()[row];
    for (size_t j = 0; j < numbers.size(); ++j) {
      const auto column = static_cast<Eigen::Index>(j);
      state.deficit(row, column) = model.covariance()(row, column) - numbers[j];
    }
    ++row;
  }
  int compared = 0;
  for (element wanted : array(expected["answers"])) {
    const std::string kind = Text(wanted["target"].at(0));
    if (kind != "cell" && kind != "practice") continue;
    Target target{kind == "cell" ? Target::Kind::kCell : Target::Kind::kPractice,
                  static_cast<int>(int64_t(wanted["target"].at(1))), kAllPerspectives};
    if (array(wanted["target"]).size() > 2) {
      target.perspective = static_cast<int>(int64_t(wanted["target"].at(2)));
    }
    const auto answers = Answers(model, state, 0, {target});
    ASSERT_TRUE(answers.ok()) << answers.status();
    const Answer& got = answers->front();
    const std::string where = what + " " + kind + " " + std::to_string(target.node);
    EXPECT_NEAR(got.mean, Number(wanted["mean"]), tolerance) << where;
    EXPECT_NEAR(got.sd, Number(wanted["sd"]), tolerance) << where;
    EXPECT_NEAR(got.low, Number(wanted["lo90"]), tolerance) << where;
    EXPECT_NEAR(got.high, Number(wanted["hi90"]), tolerance) << where;
    EXPECT_NEAR(got.information, Number(wanted["information"]), tolerance) << where;
    if (Has(wanted, "index")) {
      EXPECT_NEAR(got.index, Number(wanted["index"]), 1e-6) << where;
      EXPECT_NEAR(got.index_low, Number(wanted["index_lo90"]), 1e-6) << where;
      EXPECT_NEAR(got.index_high, Number(wanted["index_hi90"]), 1e-6) << where;
      EXPECT_NEAR(got.above_high, Number(wanted["p_above_60"]), tolerance) << where;
      EXPECT_NEAR(got.below_low, Number(wanted["p_below_40"]), tolerance) << where;
      EXPECT_EQ(Name(got.status), Text(wanted["status"])) << where;
    }
    ++compared;
  }
  EXPECT_GT(compared, 0) << what;
}

TEST(ModelVectors, MillsRatios) {
  const File file("scalar.json");
  for (element row : array(file["mills"])) {
    const auto values = Numbers(row);
    const Mills mills = MillsRatio(values[0]);
    EXPECT_NEAR(mills.ratio, values[1], 1e-12 * std::abs(values[1])) << values[0];
    EXPECT_NEAR(mills.excess, values[2], 1e-12 * std::abs(values[2])) << values[0];
  }
}

TEST(ModelVectors, TruncatedNormals) {
  const File file("scalar.json");
  for (element row : array(file["trunc"])) {
    const auto v = Numbers(row);
    const std::string where = std::to_string(v[0]) + " " + std::to_string(v[1]);
    const Truncated cut = Truncate(v[0], v[1]);
    ExpectRelative(cut.log_probability, v[2], 1e-12, where);
    ExpectRelative(cut.mean, v[3], 1e-12, where);
    EXPECT_NEAR(cut.variance, v[4], 1e-11) << where;
    ExpectRelative(LogInterval(v[0], v[1]), v[2], 1e-12, where);
  }
}

std::vector<double> WithInfinities(std::vector<double> thresholds) {
  thresholds.insert(thresholds.begin(), -std::numeric_limits<double>::infinity());
  thresholds.push_back(std::numeric_limits<double>::infinity());
  return thresholds;
}

void ExpectMoments(const SiteMoments& got, element wanted, double v) {
  ExpectRelative(got.log_z, Number(wanted["logZ"]), 1e-10, "log Z");
  EXPECT_NEAR(got.d1, Number(wanted["d1"]), 1e-9 * std::max(1.0, 1 / v));
  EXPECT_NEAR(got.d2, Number(wanted["d2"]), 1e-9 * std::max(1.0, 1 / (v * v)));
}

TEST(ModelVectors, SiteMoments) {
  const File file("scalar.json");
  for (element row : array(file["site_moments"])) {
    const auto limits = WithInfinities(Numbers(row["beta"]));
    const auto counts = Numbers(row["counts"]);
    const Cavity cavity{Number(row["m"]), Number(row["v"])};
    const double noise = Number(row["c2"]);
    ExpectMoments(MomentsOfCounts(limits, counts, noise, cavity, kVectorPrecision.quadrature), row,
                  cavity.variance);
    double total = 0;
    for (double n : counts) total += n;
    const auto single = std::find(counts.begin(), counts.end(), 1.0);
    if (total != 1.0 || single == counts.end()) continue;
    const auto k = static_cast<size_t>(single - counts.begin());
    ExpectMoments(MomentsOfAnswer(limits[k], limits[k + 1], noise, cavity), row, cavity.variance);
  }
}

class CaseVectors : public testing::TestWithParam<const char*> {};

TEST_P(CaseVectors, FilterAgreesWithTheReference) {
  const File file(GetParam());
  ExpectFilter(ReadModel(file["model"]), file.root(), Number(file["tolerance"]["filter"]),
               GetParam());
}

TEST_P(CaseVectors, AnswersAgreeWithTheReference) {
  const File file(GetParam());
  ExpectAnswers(ReadModel(file["model"]), file["expected"], Number(file["tolerance"]["answers"]),
                GetParam());
}

INSTANTIATE_TEST_SUITE_P(All, CaseVectors,
                         testing::Values("case_r1.json", "case_r2.json", "case_r4.json",
                                         "case_dense_days.json"),
                         [](const auto& named) {
                           const std::string name = named.param;
                           return name.substr(0, name.find('.'));
                         });

TEST(EdgeVectors, FilterAndAnswersAgreeWithTheReference) {
  const File file("edge.json");
  const Model model = ReadModel(file["model"]);
  for (element scope : array(file["cases"])) {
    const std::string name = Text(scope["name"]);
    ExpectFilter(model, scope, Number(file["tolerance"]["filter"]), name);
    ExpectAnswers(model, scope["expected"], Number(file["tolerance"]["answers"]), name);
  }
}

// Whole events are refused and leave no trace.
TEST(EdgeVectors, BadEventsAreRejectedWhole) {
  const File file("edge.json");
  const Model model = ReadModel(file["model"]);
  for (element wanted : array(file["errors"])) {
    Track track(model);
    std::vector<EventEvidence> events;
    if (Has(wanted, "event")) {
      events.push_back(ReadEvent(model, wanted["event"]));
    } else {
      for (element event : array(wanted["events"])) events.push_back(ReadEvent(model, event));
    }
    const EventEvidence last = events.back();
    events.pop_back();
    for (const auto& event : events) ASSERT_TRUE(track.Insert(event).ok());
    const State before = track.Current().value();
    EXPECT_FALSE(track.Insert(last).ok()) << Text(wanted["name"]);
    EXPECT_EQ(track.events(), events.size());
    EXPECT_TRUE(track.Current().value() == before) << Text(wanted["name"]);
  }
}

}  // namespace
}  // namespace waterline::model
