#include "core/task.h"

#include "core/hash.h"

namespace pareto {

std::string task_hash(std::span<const Document> documents, std::size_t filters) {
  Sha256 hash;
  for (std::size_t i = 0; i < filters; ++i) {
    for (const Document& document : documents) {
      hash.update(document.doc_hash);
      hash.update(document.prompt_hash);
      hash.update(document.target_hash);
    }
  }
  return hash.hex();
}

}  // namespace pareto
