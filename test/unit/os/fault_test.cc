// os/fault: refusals on demand.
#include "os/fault.h"

#include <gtest/gtest.h>

namespace hak::os::fault {
namespace {

class Fault : public testing::Test {
 protected:
  void TearDown() override { disarm(); }
};

TEST_F(Fault, nothing_is_refused_until_armed) {
  for (const CallName& call : kCalls) EXPECT_EQ(refusal(call.call), 0) << call.name;
}

TEST_F(Fault, refuses_from_the_nth_call_on_as_often_as_said_and_only_that_kind) {
  arm({.call = Call::map, .from = 3, .times = 2, .error = EAGAIN});
  const int expected[] = {0, 0, EAGAIN, EAGAIN, 0, 0};
  for (const int error : expected) {
    EXPECT_EQ(refusal(Call::map), error);
    EXPECT_EQ(refusal(Call::purge), 0);
  }
  EXPECT_EQ(refused_count(Call::map), 2u);
}

TEST_F(Fault, refuses_for_ever_without_a_number_and_stops_when_disarmed) {
  arm({.call = Call::remap});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(refusal(Call::remap), ENOMEM);
  disarm();
  EXPECT_EQ(refusal(Call::remap), 0);
  arm({.call = Call::map});
  EXPECT_EQ(refusal(Call::remap), 0) << "arming one kind doesn't wake another";
}

TEST_F(Fault, text_arms_several_calls_with_their_usual_errno_or_a_given_one) {
  ASSERT_TRUE(arm_from_text("map@2x1=EPERM+thread+purge=5+populate@1"));
  EXPECT_EQ(refusal(Call::map), 0);
  EXPECT_EQ(refusal(Call::map), EPERM);
  EXPECT_EQ(refusal(Call::map), 0);
  EXPECT_EQ(refusal(Call::thread), EAGAIN);
  EXPECT_EQ(refusal(Call::purge), 5);
  EXPECT_EQ(refusal(Call::populate), EINVAL);
  EXPECT_EQ(refusal(Call::huge), 0);
}

TEST_F(Fault, malformed_text_arms_nothing) {
  for (const char* wrong : {"", "mop", "map@", "map@0", "mapx", "map=EWHAT", "map=0", "map+", "+map", "map@1x2=ENOMEM!",
                            "map ", "map+mop", "map=99999999999999999999"}) {
    EXPECT_FALSE(arm_from_text(wrong)) << wrong;
    EXPECT_EQ(refusal(Call::map), 0) << wrong;
  }
}

}  // namespace
}  // namespace hak::os::fault
