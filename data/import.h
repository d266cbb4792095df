// Originals on disk → rows in the data folder, and their entries in its manifest.
//
//   wikitext   wiki.test.raw            → EleutherAI__wikitext_document_level/wikitext-2-raw-v1/test.jsonl, column page
//   leval      coursera.jsonl, …        → L4NLP__LEval/coursera/test.jsonl
//   longbench  multi_news.jsonl, …      → Xnhyacinth__LongBench/multi_news/test.jsonl
//   jieba      dict.txt, finalseg/*.py  → jieba/dict.txt, jieba/finalseg/*.py
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/manifest.h"

namespace pareto {

// The articles of a WikiText file: one for each top-level heading, " = Title = ", from it to the next one; what stands
// before the first is dropped. Lines end in "\n" and the last one of an article loses its own.
std::vector<std::string> wikitext_pages(std::string_view text);

// Reads `from`, a file or a folder, checks it and puts it in place. Returns what was entered in the manifest.
// Errors: kUsage for a set without an importer; kNotFound where `from` has none of the files; kInvalid naming file and
// line for rows that are not the set's.
Result<Manifest> import_set(const std::string& name, const std::string& from, const std::string& data_dir);

}  // namespace pareto
