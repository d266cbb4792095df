// Text inside HTML, SVG and XML.
#pragma once

#include <string>
#include <string_view>

namespace pareto {

// & < > ' " as &amp; &lt; &gt; &#39; &#34;: Python's markupsafe, and good in XML too. Everything else stays.
std::string escape_markup(std::string_view text);

}  // namespace pareto
