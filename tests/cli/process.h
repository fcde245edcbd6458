// Child processes for tests: run one to its end, or talk to it while it runs. When what it wrote to stderr holds a
// sanitizer's report, the test fails.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace tenure::testing {

struct Finished {
  int status = -1;  ///< Exit status; -N when signal N ended it.
  std::string out;
  std::string err;
};

struct Launch {
  std::vector<std::string> arguments;  ///< arguments[0] is the program.
  std::string directory;               ///< Working directory; empty: the test's own.
  /// Added to a nearly empty environment (PATH, HOME and the sanitizers' options).
  std::map<std::string, std::string> environment;
  std::string input;        ///< Standard input of RunToEnd.
  std::string output_path;  ///< Standard output goes here instead, as with "> path".
  std::vector<int> closed;  ///< Standard descriptors that the child starts without.
};

/// Runs to the end.
Finished RunToEnd(const Launch& launch);

/// A running child with pipes for standard input and output; stderr is collected in a file.
class Child {
 public:
  explicit Child(const Launch& launch);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void Write(const std::string& text);
  void CloseInput();
  /// Closes our end of its standard output.
  void CloseOutput();
  /// The next line without its end; empty at the end of output.
  std::string ReadLine();
  void Signal(int number);
  /// Waits until the child has stopped itself (a fail point with the action "stop"). False: it has ended.
  bool WaitStopped();
  /// Closes input, reads the rest of the output, waits.
  Finished Wait();
  /// The same, with input left open until it has ended by itself.
  Finished WaitForEnd();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string buffer_;
};

}  // namespace tenure::testing
