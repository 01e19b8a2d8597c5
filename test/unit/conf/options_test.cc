// conf/options: docs/options.md says what the table says.
#include "conf/options.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "conf/parse.h"

namespace hak::conf {
namespace {

std::string upper(std::string_view name) {
  std::string out = "HAKMEM_";
  for (const char c : name) out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

std::string row(const Option& option) {
  FixedText<512> out;
  out.add("| `").add(upper(option.name)).add("` | ");
  if (option.type == Type::text) out.add("-");
  else add_value(out, option, option.usual);
  out.add(" | ");
  add_range(out, option);
  out.add(" | ").add(option.help).add(" |");
  return std::string(out.view());
}

TEST(Options, the_documents_table_is_the_sources_table) {
  std::vector<std::string> expected;
  for (const Option& option : kOptions) expected.push_back(row(option));
  std::vector<std::string> found;
  std::string file = __FILE__;
  file.resize(file.rfind("test/unit/conf/"));
  std::ifstream docs(file + "docs/options.md");
  ASSERT_TRUE(docs.is_open());
  for (std::string line; std::getline(docs, line);)
    if (line.rfind("| `HAKMEM_", 0) == 0) found.push_back(line);
  EXPECT_EQ(found, expected);
}

TEST(Options, are_found_by_their_exact_name_only) {
  for (const Option& option : kOptions) EXPECT_EQ(find_option(option.name), &option);
  EXPECT_EQ(find_option("stat"), nullptr);
  EXPECT_EQ(find_option(""), nullptr);
}

}  // namespace
}  // namespace hak::conf
