#include "print/stats_json.h"

#include "print/fields.h"
#include "print/json.h"
#include "print/names.h"

namespace hak::print {

namespace {

void add_class(Json& json, std::string_view tier, const hakmem_class_stats& c) {
  json.object();
  json.member("tier", tier);
  for (const ClassField& field : kClassFields) json.member(field.name, c.*field.where);
  json.object("refills");
  for (size_t stage = 0; stage < HAKMEM_STAGES; ++stage) json.member(kStageNames[stage], c.refills[stage]);
  json.end();
  json.end();
}

}  // namespace

void stats_json(Text& out, const hakmem_statistics& stats) {
  Json json(out);
  json.object();
  json.member("schema", "hakmem-stats/1");
  json.array("tiers");
  for (size_t tier = 0; tier < kTierCount; ++tier) add_class(json, kTierNames[tier], stats.tiers[tier]);
  json.end();
  json.array("classes");
  for (uint32_t i = 0; i < class_count(stats); ++i) add_class(json, tier_name(stats.classes[i].tier), stats.classes[i]);
  json.end();
  json.object("os");
  for (const OsField& field : kOsFields) json.member(field.name, stats.os.*field.where);
  json.end();
  json.end();
}

}  // namespace hak::print
