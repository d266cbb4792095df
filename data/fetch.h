// From the network into the data folder and the Hugging Face cache. Nothing appears under its own name before it is
// whole and checked; what an interrupted run left is gone on from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/catalog.h"
#include "data/http.h"

namespace pareto {

// Where from: each may be replaced by a mirror.
struct Endpoints {
  std::string hub = "https://huggingface.co";                   // $HF_ENDPOINT
  std::string rows = "https://datasets-server.huggingface.co";  // $PARETO_ROWS_ENDPOINT
  std::string github = "https://raw.githubusercontent.com";     // $PARETO_GITHUB_ENDPOINT
};

struct FetchCount {
  int fetched = 0, present = 0;  // files
};

// Brings every file of `set` that is not there, and enters it in the manifest. A file that is there and in the manifest
// with another length is fetched anew; one that the manifest does not know is the user's own and is left alone.
// Errors: kNotFound for a missing file when `offline`; those of HttpClient and fetch_hub_rows.
Result<FetchCount> fetch_set(const HttpClient& http, const Endpoints& from, const DataSet& set,
                             const std::string& data_dir, bool offline);

// "model:ORG/NAME", "model:ORG/NAME/FILE.gguf", either with "@REVISION".
struct ModelName {
  std::string repository, file, revision = "main";
};
// kUsage: it is written otherwise.
Result<ModelName> parse_model_name(const std::string& name);

// A repository as the hub lists it (/api/models/ORG/NAME/revision/REV?blobs=true).
struct HubFile {
  std::string name;
  Expected expected;
  std::string blob;  // what the cache calls it: sha256 or git hash
};
struct HubModel {
  std::string commit, licence;
  std::vector<HubFile> files;
};
// Errors: kInvalid, `name` in front.
Result<HubModel> parse_hub_model(std::string_view text, const std::string& name);

// Which files running the model needs: `file` alone where one is asked for, else safetensors, configuration, tokenizer
// and templates at the top of the repository. kNotFound: there are none; says what there is.
Result<std::vector<HubFile>> wanted_files(const HubModel& model, const ModelName& name);

// Brings a model into the cache: HUB/models--ORG--NAME/{blobs,snapshots/COMMIT,refs/main}. Returns the snapshot, or the
// file that was asked for.
Result<std::string> fetch_model(const HttpClient& http, const Endpoints& from, const ModelName& name,
                                const std::string& hub_cache);
// The same from what the cache has, without a connection. kNotFound: it lacks that revision or file.
Result<std::string> cached_model(const ModelName& name, const std::string& hub_cache);

}  // namespace pareto
