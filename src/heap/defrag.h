// A hint for programs that can move their objects: which blocks stand in the way of giving memory back. Called by api/.
#pragma once

namespace hak {

/// See hakmem_defrag_hint().
bool is_worth_moving(const void* p);

}  // namespace hak
