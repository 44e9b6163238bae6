// A script that exits 0: the cost of a process that does nothing.
int main(void) {
    return 0;
}
