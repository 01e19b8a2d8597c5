// Functions of libc that allocate for themselves or for their caller: what one side made, the other frees.
#include <argz.h>
#include <dirent.h>
#include <ftw.h>
#include <glob.h>
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <netdb.h>
#include <obstack.h>
#include <pwd.h>
#include <regex.h>
#include <search.h>
#include <wchar.h>
#include <wordexp.h>

#include "block.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static void strings(void) {
  char* text = NULL;
  CHECK(asprintf(&text, "%s %*d %.3f", strndupa("duplicate", 3), 5000, 42, 3.14159) > 5000);
  CHECK(strncmp(text, "dup ", 4) == 0);
  char* const copy = strdup(text);
  CHECK(strcmp(copy, text) == 0);
  free(text);
  free(copy);
  wchar_t* const wide = wcsdup(L"wide and wider");
  CHECK(wcslen(wide) == 14);
  free(wide);
  char* word = NULL;
  int number = 0;
  CHECK(sscanf("word 17", "%ms %d", &word, &number) == 2 && strcmp(word, "word") == 0 && number == 17);
  free(word);
  char* argz = NULL;
  size_t length = 0;
  CHECK(argz_create_sep("a:bc:def", ':', &argz, &length) == 0 && argz_count(argz, length) == 3);
  CHECK(argz_add(&argz, &length, "more and more and more") == 0 && argz_count(argz, length) == 4);
  free(argz);
  text = calloc(4, 8); /* grown by libc, which did not make it */
  size_t room = 32;
  FILE* const lines = fmemopen((void*)"a line that is a good deal longer than thirty-two bytes\nb\n", 58, "r");
  CHECK(getline(&text, &room, lines) == 56 && room >= 57);
  CHECK(getline(&text, &room, lines) == 2);
  CHECK(fclose(lines) == 0);
  free(text);
}

static void streams(void) {
  char* memory = NULL;
  size_t size = 0;
  FILE* const stream = open_memstream(&memory, &size);
  for (int i = 0; i < 20000; i++) fprintf(stream, "%d,", i);
  CHECK(fclose(stream) == 0 && size == 108890 && strncmp(memory, "0,1,2,", 6) == 0);
  free(memory);
  FILE* const file = tmpfile();
  char* const buffer = malloc(1 << 16);
  CHECK(setvbuf(file, buffer, _IOFBF, 1 << 16) == 0);
  for (int i = 0; i < 30000; i++) fprintf(file, "%08d\n", i);
  CHECK(ftell(file) == 270000);
  CHECK(fclose(file) == 0);
  free(buffer);
  FILE* many[40];
  for (int i = 0; i < 40; i++) CHECK((many[i] = fopen("/proc/self/maps", "r")) != NULL && fgetc(many[i]) != EOF);
  for (int i = 0; i < 40; i++) CHECK(fclose(many[i]) == 0);
}

static int entries_seen;
static int see_entry(const char* path, const struct stat* status, int kind, struct FTW* where) {
  (void)path, (void)status, (void)kind, (void)where;
  return ++entries_seen > 200;
}

static void files(void) {
  char* const here = getcwd(NULL, 0);
  char* const real = realpath(".", NULL);
  CHECK(strcmp(here, real) == 0);
  free(here);
  free(real);
  struct dirent** names = NULL;
  const int count = scandir("/usr/bin", &names, NULL, alphasort);
  CHECK(count > 50);
  for (int i = 0; i < count; i++) free(names[i]);
  free(names);
  glob_t found;
  CHECK(glob("/usr/bin/*a*", 0, NULL, &found) == 0 && found.gl_pathc > 10);
  globfree(&found);
  wordexp_t words;
  CHECK(wordexp("one $HOME 'three four'", &words, WRDE_NOCMD) == 0 && words.we_wordc == 3);
  wordfree(&words);
  CHECK(nftw("/etc", see_entry, 20, FTW_PHYS) >= 0 && entries_seen > 10);
}

static void lookups(void) {
  struct passwd entry, *result = NULL;
  char* const buffer = malloc(16384);
  CHECK(getpwuid_r(0, &entry, buffer, 16384, &result) == 0 && result == &entry && strcmp(entry.pw_name, "root") == 0);
  free(buffer);
  struct addrinfo *addresses = NULL, hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
  CHECK(getaddrinfo("127.0.0.1", "80", &hints, &addresses) == 0);
  freeaddrinfo(addresses);
  const char* const locale = setlocale(LC_ALL, "C.UTF-8");
  CHECK(locale != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
  const locale_t other = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  CHECK(other != (locale_t)0);
  freelocale(other);
  const iconv_t converter = iconv_open("UTF-16LE", "ISO-8859-15"); /* loads a module by dlopen */
  CHECK(converter != (iconv_t)-1);
  char in[] = "100 \xa4", out[64];
  char *from = in, *to = out;
  size_t in_left = 5, out_left = sizeof out;
  CHECK(iconv(converter, &from, &in_left, &to, &out_left) == 0 && out_left == sizeof out - 10);
  CHECK(iconv_close(converter) == 0);
  CHECK(setenv("A_VARIABLE", "of some length", 1) == 0 && putenv((char*)"ANOTHER=x") == 0 && unsetenv("ANOTHER") == 0);
}

static int compare_ints(const void* a, const void* b) { return *(const int*)a - *(const int*)b; }
static void ignore_node(void* node) { (void)node; }

static void algorithms(void) {
  regex_t regex;
  CHECK(regcomp(&regex, "^(([a-z]+)[0-9]{2,5}|x*)+$", REG_EXTENDED) == 0);
  regmatch_t matches[3];
  CHECK(regexec(&regex, "abc123de4567", 3, matches, 0) == 0 && matches[1].rm_so == 6);
  regfree(&regex);
  const int count = 300000; /* qsort takes its buffer from malloc */
  int* const numbers = reallocarray(NULL, (size_t)count, sizeof(int));
  for (int i = 0; i < count; i++) numbers[i] = (int)(i * 2654435761u % 1000003);
  qsort(numbers, (size_t)count, sizeof(int), compare_ints);
  for (int i = 1; i < count; i++) CHECK(numbers[i - 1] <= numbers[i]);
  void* tree = NULL;
  for (int i = 0; i < 1000; i++) CHECK(tsearch(&numbers[i * 300], &tree, compare_ints) != NULL);
  tdestroy(tree, ignore_node);
  free(numbers);
  CHECK(hcreate(500) != 0);
  CHECK(hsearch((ENTRY){(char*)"key", NULL}, ENTER) != NULL);
  hdestroy();
  struct obstack stack;
  obstack_init(&stack);
  for (int i = 0; i < 5000; i++) obstack_grow(&stack, "grown ", 6);
  CHECK(obstack_object_size(&stack) == 30000);
  obstack_free(&stack, NULL);
}

int main(void) {
  for (int i = 0; i < 3; i++) {
    strings();
    streams();
    files();
    lookups();
    algorithms();
    churn((uint64_t)i, 200);
  }
  printf("libc and its caller agree\n");
}
