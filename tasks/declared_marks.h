// How a declared task's answers are marked: filter_list and metric_list.
#pragma once

#include "tasks/common.h"
#include "tasks/declared_ask.h"
#include "tasks/yaml.h"

namespace pareto::declared {

// The chains of filter_list; those of a TaskSpec where there is none. Errors: kUnsupported for a filter that we lack.
Status set_filters(const Yaml& fields, Asker* asker, TaskSpec* spec);
// The metrics of metric_list, else upstream's of this kind of task. Errors: kUnsupported for one that we lack.
Status set_metrics(const Yaml& fields, Output output, TaskSpec* spec);

}  // namespace pareto::declared
