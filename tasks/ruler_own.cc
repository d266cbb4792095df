#include "tasks/ruler_own.h"
namespace pareto::ruler {
std::unique_ptr<Source> own_niah(const Setting&, const NiahSpec&) { return nullptr; }
std::unique_ptr<Source> own_vt(const Setting&) { return nullptr; }
std::unique_ptr<Source> own_cwe(const Setting&) { return nullptr; }
std::unique_ptr<Source> own_fwe(const Setting&) { return nullptr; }
std::unique_ptr<Source> own_qa(const Setting&, QaSet) { return nullptr; }
}
