#pragma once

// Latency and outcome of every store call, by service and operation, on /metrics. Thread safety: a
// value; the layers it makes are as safe as the stores they measure.

#include "services/common/rpc/metrics.h"
#include "services/waterlined/foundation.h"

namespace waterline::deployment {

// `metrics` outlives the layers.
StoreLayer MeasuringLayer(rpc::Metrics* metrics);

}  // namespace waterline::deployment
