// A file that is hard on the compiler: deep template recursion, expression templates, variants, regex, many
// instantiations and symbols. It prints what it computed, partly at compile time.
#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace {

template <class... Ts>
struct List {};
template <int N>
struct Number {
  static constexpr int value = N;
};

template <class Done, class Left>
struct Reverse;
template <class... Done>
struct Reverse<List<Done...>, List<>> {
  using type = List<Done...>;
};
template <class... Done, class T, class... Left>
struct Reverse<List<Done...>, List<T, Left...>> : Reverse<List<T, Done...>, List<Left...>> {};

template <class>
struct Sum;
template <class... Ts>
struct Sum<List<Ts...>> {
  static constexpr int value = (Ts::value + ... + 0);
};

template <std::size_t... I>
auto numbers(std::index_sequence<I...>) -> List<Number<static_cast<int>(I* I % 97)>...>;
using Many = decltype(numbers(std::make_index_sequence<250>{}));

template <std::size_t N>
constexpr auto sieve() {
  std::array<bool, N> composite{};
  for (std::size_t i = 2; i * i < N; ++i)
    for (std::size_t j = i * i; !composite[i] && j < N; j += i) composite[j] = true;
  return composite;
}
constexpr auto kComposite = sieve<20000>();
static_assert(!kComposite[7919] && kComposite[7917]);

// Expression templates: a tree of types per expression.
template <class L, class R, class Op>
struct Node {
  const L& left;
  const R& right;
  double operator[](std::size_t i) const { return Op{}(left[i], right[i]); }
  std::size_t size() const { return left.size(); }
};
struct Vec {
  std::vector<double> data;
  double operator[](std::size_t i) const { return data[i]; }
  std::size_t size() const { return data.size(); }
};
template <class L, class R>
Node<L, R, std::plus<>> operator+(const L& l, const R& r) requires requires {
  l.size();
}
{ return {l, r}; }
template <class L, class R>
Node<L, R, std::multiplies<>> operator*(const L& l, const R& r) requires requires {
  l.size();
}
{ return {l, r}; }

template <int Depth>
struct Visitor {
  using Value = std::variant<int, std::string, std::vector<int>, std::map<int, std::string>, Number<Depth>>;
  static std::size_t weigh(const Value& value) {
    const auto weight = [](const auto& held) -> std::size_t {
      using T = std::decay_t<decltype(held)>;
      if constexpr (std::is_same_v<T, int>) return static_cast<std::size_t>(held);
      else if constexpr (std::is_same_v<T, Number<Depth>>) return Depth;
      else return held.size();
    };
    return std::visit(weight, value) + Visitor<Depth - 1>::weigh({Depth});
  }
};
template <>
struct Visitor<0> {
  static std::size_t weigh(const std::variant<int>&) { return 0; }
};

template <class Key, class... Rest>
void fill(std::ostream& out) {
  std::map<Key, std::unordered_map<std::string, std::tuple<Key, std::shared_ptr<Key>, std::set<Key>>>> table;
  for (int i = 0; i < 200; ++i) {
    const Key key = static_cast<Key>(i * 37 % 101);
    auto& [first, second, third] = table[key][std::to_string(i % 11)];
    first = key;
    second = std::make_shared<Key>(key);
    third.insert(static_cast<Key>(i));
  }
  std::size_t total = 0;
  for (const auto& [key, inner] : table)
    for (const auto& [name, value] : inner) total += name.size() + std::get<2>(value).size();
  out << table.size() << ' ' << total << '\n';
  if constexpr (sizeof...(Rest) > 0) fill<Rest...>(out);
}

}  // namespace

int main() {
  std::cout << Sum<Reverse<List<>, Many>::type>::value << '\n';
  std::cout << std::count(kComposite.begin() + 2, kComposite.end(), false) << " primes\n";

  Vec a{std::vector<double>(1000)}, b{std::vector<double>(1000, 0.5)};
  std::iota(a.data.begin(), a.data.end(), 1.0);
  const auto sum = a + b;
  const auto product = sum * a;
  const auto again = b * a;
  const auto all = product + again;
  double total = 0;
  for (std::size_t i = 0; i < all.size(); ++i) total += all[i];
  std::cout << total << '\n';

  std::cout << Visitor<24>::weigh(std::string(100, 'x')) << '\n';
  fill<short, int, unsigned long, double, unsigned char>(std::cout);

  std::ostringstream text;
  for (int i = 3; i < 63; i += 3) text << i * i << ';';
  const std::string joined = text.str();
  const std::regex digits("([0-9]+)([05]);");
  for (std::sregex_iterator i(joined.begin(), joined.end(), digits), end; i != end; ++i) std::cout << (*i)[1] << ' ';
  std::cout << '\n';
}
