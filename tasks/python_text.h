// Properties and mappings of single characters that str methods are built from (CPython 3.11, Unicode 14).
#pragma once

#include <string>

namespace pareto::python {

bool is_decimal(char32_t c);  // str.isdecimal()
bool is_upper(char32_t c);    // str.isupper() of one character
bool is_lower(char32_t c);
bool is_cased(char32_t c);           // Cased: ends or goes on with a word in str.title()
bool is_case_ignorable(char32_t c);  // looked through when deciding on a final sigma

void append_upper(char32_t c, std::string* out);
void append_title(char32_t c, std::string* out);
void append_lower(char32_t c, std::string* out);  // without the final-sigma rule

}  // namespace pareto::python
