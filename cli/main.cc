#include "cli/program.h"

int main(int argc, char** argv) { tenure::cli::Main(argc, argv); }
