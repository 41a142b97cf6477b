"""What several rooms of tests share: fakes of the seams, a server of the AWS APIs, and small tables."""
