#pragma once

// kill -9 of a child that reports, on a line of standard output, each thing it has done.
// Thread safety: one thread.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace waterline::testing {

// Runs this program again with `arguments` until it has written `count` lines, kills it; all the
// lines it wrote whole. A last line that was cut off is none.
inline std::vector<std::string> RunAndKill(std::vector<std::string> arguments, int count) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  arguments.insert(arguments.begin(), "child");
  std::vector<char*> words;
  for (auto& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    execv("/proc/self/exe", words.data());
    _exit(127);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  bool killed = false;
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
    if (killed || std::count(text.begin(), text.end(), '\n') < count) continue;
    kill(child, SIGKILL);
    killed = true;
  }
  close(ends[0]);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(killed) << "the child ended by itself";
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(text.substr(begin, end - begin));
  return lines;
}

}  // namespace waterline::testing
