// RULER's tasks in our own profile. Nothing is downloaded: words, prose and names are ours (ruler_words.h). The prompts
// are NVIDIA's.
//
// Example i is a pure function of (seed, task, length, i): every draw is a word of the counter-based generator of
// core/rng.h, keyed by the seed, with the stream hashed from task, length and split, at position i. Contexts are filled
// unit by unit (a line, a sentence, a word) to the last one that fits, and the whole prompt is counted at the end.
#pragma once

#include <memory>

#include "core/rng.h"
#include "tasks/ruler.h"

namespace pareto::ruler {

std::unique_ptr<Source> own_niah(const Setting& setting, const NiahSpec& spec);
// Needles at `depths` depths in equal steps: example i at depth i % depths of them.
std::unique_ptr<Source> own_niah_grid(const Setting& setting, const NiahSpec& spec, int depths);
std::unique_ptr<Source> own_vt(const Setting& setting);
std::unique_ptr<Source> own_cwe(const Setting& setting);
std::unique_ptr<Source> own_fwe(const Setting& setting);
std::unique_ptr<Source> own_qa(const Setting& setting, QaSet set);

}  // namespace pareto::ruler
