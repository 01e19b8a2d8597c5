// A doubly linked list through the elements' own `next` and `prev`. Not synchronized: its owner is.
#pragma once

namespace hak {

template <class T>
struct List {
  T* head = nullptr;

  bool empty() const { return head == nullptr; }

  void push(T* item) {
    item->prev = nullptr;
    item->next = head;
    if (head != nullptr) head->prev = item;
    head = item;
  }

  void remove(T* item) {
    if (item->prev != nullptr) item->prev->next = item->next;
    else head = item->next;
    if (item->next != nullptr) item->next->prev = item->prev;
    item->next = item->prev = nullptr;
  }

  T* pop() {
    T* const item = head;
    if (item != nullptr) remove(item);
    return item;
  }
};

}  // namespace hak
